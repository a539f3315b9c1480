import { Group, Modal, NumberInput, Select, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import type { Made } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { useTenantId, useTenants } from "../../app/tenant.ts";
import { DialogButtons } from "../../shared/dialog-buttons.tsx";
import { fieldErrors, ProblemAlert } from "../../shared/problem-alert.tsx";
import { InstallCommands } from "./install-commands.tsx";

const dayMs = 24 * 60 * 60 * 1000;

/** Makes an activation key, and says what to do with it. */
export function ActivationKeyDialog({ onClose }: { readonly onClose: () => void }) {
  const [made, setMade] = useState<Made<"/api/v1/activation-keys">>();
  return (
    <Modal
      opened
      onClose={onClose}
      title={made ? "Install the agent" : "Get an activation key"}
      size={made ? "lg" : "md"}
      closeOnClickOutside={made === undefined}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {made ? <InstallCommands made={made} onClose={onClose} /> : <Form onMade={setMade} onClose={onClose} />}
    </Modal>
  );
}

function Form({
  onMade,
  onClose,
}: {
  readonly onMade: (made: Made<"/api/v1/activation-keys">) => void;
  readonly onClose: () => void;
}) {
  const may = useMay();
  const chosen = useTenantId();
  const tenants = useTenants().filter(({ id }) => may("activation-key.manage", id));
  const [tenant, setTenant] = useState<string>();
  const tenantId = tenant ?? chosen ?? (tenants.length === 1 ? tenants[0]?.id : undefined);
  const [description, setDescription] = useState("");
  const [maxUses, setMaxUses] = useState<number | string>(1);
  const [days, setDays] = useState<number | string>(7);
  const create = useAction(
    () =>
      read(
        api.POST("/api/v1/activation-keys", {
          body: {
            tenantId: tenantId ?? "",
            ...(description.trim() !== "" && { description: description.trim() }),
            maxUses: Number(maxUses),
            expiresAt: new Date(Date.now() + Number(days) * dayMs).toISOString(),
          },
        }),
      ),
    { changes: [["activation-keys"]], onDone: onMade },
  );
  const errorAt = fieldErrors(create.problem);
  const ready = tenantId !== undefined && Number(maxUses) >= 1 && Number(days) > 0;
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (ready) void create.run();
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Select
          label="Tenant"
          description="An agent's tenant never changes: moving means enrolling anew."
          placeholder="Choose a tenant"
          data={tenants.map(({ id, name }) => ({ value: id, label: name }))}
          value={tenantId ?? null}
          onChange={(value) => value && setTenant(value)}
          error={errorAt("/tenantId")}
          searchable={tenants.length > 8}
          allowDeselect={false}
        />
        <TextInput
          label="For"
          description="Which workloads; it helps to tell keys apart later. May stay empty."
          value={description}
          onChange={(event) => setDescription(event.currentTarget.value)}
          error={errorAt("/description")}
          maxLength={200}
          autoComplete="off"
        />
        <Group grow align="flex-start">
          <NumberInput
            label="Agents"
            description="How many may enrol with it"
            min={1}
            max={100_000}
            allowDecimal={false}
            value={maxUses}
            onChange={setMaxUses}
            error={errorAt("/maxUses")}
          />
          <NumberInput
            label="Days"
            description="How long it is good"
            min={1}
            max={365}
            allowDecimal={false}
            value={days}
            onChange={setDays}
            error={errorAt("/expiresAt")}
          />
        </Group>
        <ProblemAlert problem={create.problem} fields={["/tenantId", "/description", "/maxUses", "/expiresAt"]} />
        <DialogButtons running={create.running} disabled={!ready} onClose={onClose}>
          Get the key
        </DialogButtons>
      </Stack>
    </form>
  );
}
