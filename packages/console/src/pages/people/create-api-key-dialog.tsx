import { Button, Group, Modal, NumberInput, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useSession } from "../../api/session.ts";
import type { Made } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { CopyButton } from "../../shared/copy-button.tsx";
import { DialogButtons } from "../../shared/dialog-buttons.tsx";
import { fieldErrors, ProblemAlert } from "../../shared/problem-alert.tsx";
import { ExactTime } from "../../shared/relative-time.tsx";
import { isComplete, type RoleDraft, RoleFields, useOwnRoles } from "./role-fields.tsx";

const usualDays = 90;
const maxDays = 366;

/** Creates an API key, and shows it this once. */
export function CreateApiKeyDialog({ onClose }: { readonly onClose: () => void }) {
  const [made, setMade] = useState<Made<"/api/v1/api-keys">>();
  return (
    <Modal
      opened
      onClose={onClose}
      title={made ? `The API key ${made.name}` : "Create an API key"}
      closeOnClickOutside={made === undefined}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {made ? <ShownOnce made={made} onClose={onClose} /> : <Form onMade={setMade} onClose={onClose} />}
    </Modal>
  );
}

function Form({
  onMade,
  onClose,
}: {
  readonly onMade: (made: Made<"/api/v1/api-keys">) => void;
  readonly onClose: () => void;
}) {
  const [name, setName] = useState("");
  const [validDays, setValidDays] = useState<number | string>(usualDays);
  const { roles: own } = useSession();
  const names = useOwnRoles();
  // The narrowest of one's roles: those for the cluster come first.
  const first: RoleDraft = own.at(-1) ?? { role: "auditor", tenantId: undefined };
  const [chosen, setChosen] = useState<readonly RoleDraft[]>();
  const drafts = chosen ?? [first];
  const roles = drafts.filter(isComplete);
  const create = useAction(
    () => read(api.POST("/api/v1/api-keys", { body: { name, roles, validDays: Number(validDays) } })),
    { changes: [["api-keys"]], onDone: onMade },
  );
  const errorAt = fieldErrors(create.problem);
  const ready = name.trim() !== "" && roles.length === drafts.length && Number(validDays) >= 1;
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (ready) void create.run();
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput
          label="Name"
          description="Which program uses it; the audit log says this name."
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={errorAt("/name")}
          maxLength={200}
          autoComplete="off"
          data-autofocus
        />
        <NumberInput
          label="Valid for days"
          description={`At most ${maxDays}`}
          min={1}
          max={maxDays}
          allowDecimal={false}
          value={validDays}
          onChange={setValidDays}
          error={errorAt("/validDays")}
        />
        <RoleFields drafts={drafts} names={names} first={first} onChange={setChosen} />
        <ProblemAlert problem={create.problem} fields={["/name", "/validDays"]} />
        <DialogButtons running={create.running} disabled={!ready} onClose={onClose}>
          Create
        </DialogButtons>
      </Stack>
    </form>
  );
}

function ShownOnce({ made, onClose }: { readonly made: Made<"/api/v1/api-keys">; readonly onClose: () => void }) {
  return (
    <Stack gap="sm">
      <Text size="md">
        This is the only time that it is shown: the cluster keeps a hash of it. It expires{" "}
        <ExactTime at={made.expiresAt} />.
      </Text>
      <TextInput label="API key" value={made.key} readOnly onFocus={(event) => event.currentTarget.select()} />
      <Group justify="flex-end" gap="xs">
        <CopyButton text={made.key} what="the API key">
          Copy
        </CopyButton>
        <Button onClick={onClose}>Done</Button>
      </Group>
    </Stack>
  );
}
