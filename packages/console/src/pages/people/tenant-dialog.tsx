import { Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { api, read } from "../../api/client.ts";
import type { Tenant } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { DialogButtons } from "../../shared/dialog-buttons.tsx";
import { fieldErrors, ProblemAlert } from "../../shared/problem-alert.tsx";

/** Creates a tenant, or renames the one that is given. */
export function TenantDialog({ tenant, onClose }: { readonly tenant: Tenant | null; readonly onClose: () => void }) {
  const [name, setName] = useState(tenant?.name ?? "");
  const save = useAction(
    () =>
      tenant === null
        ? read(api.POST("/api/v1/tenants", { body: { name } }))
        : read(api.PATCH("/api/v1/tenants/{id}", { params: { path: { id: tenant.id } }, body: { name } })),
    {
      changes: [["tenants"]],
      done: (saved) => (tenant === null ? `The tenant ${saved.name} is there.` : `It is called ${saved.name} now.`),
      onDone: onClose,
    },
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (name.trim() !== "") void save.run();
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={tenant === null ? "Create a tenant" : `Rename ${tenant.name}`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label="Name"
            description="People see it; agents and API go by the id, which never changes."
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={fieldErrors(save.problem)("/name")}
            maxLength={200}
            autoComplete="off"
            data-autofocus
          />
          <ProblemAlert problem={save.problem} fields={["/name"]} />
          <DialogButtons running={save.running} disabled={name.trim() === ""} onClose={onClose}>
            {tenant === null ? "Create" : "Rename"}
          </DialogButtons>
        </Stack>
      </form>
    </Modal>
  );
}
