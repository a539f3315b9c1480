import { Modal, Select, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import type { Made } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { useTenantId, useTenants } from "../../app/tenant.ts";
import { DialogButtons } from "../../shared/dialog-buttons.tsx";
import { fieldErrors, ProblemAlert } from "../../shared/problem-alert.tsx";

/** Makes a profile with the usual settings, to be changed on its own page. */
export function CreateProfileDialog({
  onClose,
  onDone,
}: {
  readonly onClose: () => void;
  readonly onDone: (profile: Made<"/api/v1/profiles">) => void;
}) {
  const may = useMay();
  const chosen = useTenantId();
  const tenants = useTenants().filter(({ id }) => may("profile.manage", id));
  const [tenant, setTenant] = useState<string>();
  const tenantId = tenant ?? chosen ?? (tenants.length === 1 ? tenants[0]?.id : undefined);
  const [name, setName] = useState("");
  const create = useAction(
    () => read(api.POST("/api/v1/profiles", { body: { tenantId: tenantId ?? "", name: name.trim() } })),
    { changes: [["profiles"]], done: (profile) => `The profile ${profile.name} is there.`, onDone },
  );
  const errorAt = fieldErrors(create.problem);
  const ready = tenantId !== undefined && name.trim() !== "";
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (ready) void create.run();
  }
  return (
    <Modal opened onClose={onClose} title="Create a profile" closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Select
            label="Tenant"
            placeholder="Choose a tenant"
            data={tenants.map((one) => ({ value: one.id, label: one.name }))}
            value={tenantId ?? null}
            onChange={(value) => value && setTenant(value)}
            error={errorAt("/tenantId")}
            allowDeselect={false}
            searchable={tenants.length > 8}
          />
          <TextInput
            label="Name"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={errorAt("/name")}
            maxLength={200}
            autoComplete="off"
            data-autofocus
          />
          <ProblemAlert problem={create.problem} fields={["/tenantId", "/name"]} />
          <DialogButtons running={create.running} disabled={!ready} onClose={onClose}>
            Create
          </DialogButtons>
        </Stack>
      </form>
    </Modal>
  );
}
