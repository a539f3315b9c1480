import { Modal, PasswordInput, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useAction } from "../../api/use-action.ts";
import { DialogButtons } from "../../shared/dialog-buttons.tsx";
import { fieldErrors, ProblemAlert } from "../../shared/problem-alert.tsx";
import { minPasswordLength, passwordAdvice } from "./password-advice.ts";
import { isComplete, type RoleDraft, RoleFields, useFirstDraft, useGrantableRoles } from "./role-fields.tsx";

/** Creates a user who logs in by a password, with the first roles. */
export function CreateUserDialog({ onClose }: { readonly onClose: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const names = useGrantableRoles();
  const first = useFirstDraft();
  const [chosen, setChosen] = useState<readonly RoleDraft[]>();
  const drafts = chosen ?? [first];
  const roles = drafts.filter(isComplete);
  const create = useAction(() => read(api.POST("/api/v1/users", { body: { name, password, roles } })), {
    changes: [["users"]],
    done: (user) => `${user.name} can log in now.`,
    onDone: onClose,
  });
  const errorAt = fieldErrors(create.problem);
  const ready = name.trim() !== "" && password.length >= minPasswordLength && roles.length === drafts.length;
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (ready) void create.run();
  }
  return (
    <Modal opened onClose={onClose} title="Create a user" closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label="Name"
            description="What is typed at the log-in, and what the audit log says."
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={errorAt("/name")}
            maxLength={200}
            autoComplete="off"
            data-autofocus
          />
          <PasswordInput
            label="First password"
            description={passwordAdvice}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={errorAt("/password")}
            autoComplete="new-password"
          />
          <RoleFields drafts={drafts} names={names} first={first} onChange={setChosen} />
          <ProblemAlert problem={create.problem} fields={["/name", "/password"]} />
          <DialogButtons running={create.running} disabled={!ready} onClose={onClose}>
            Create
          </DialogButtons>
        </Stack>
      </form>
    </Modal>
  );
}
