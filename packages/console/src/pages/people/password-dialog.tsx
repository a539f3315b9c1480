import { Modal, PasswordInput, Stack, Text } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useAction } from "../../api/use-action.ts";
import { DialogButtons } from "../../shared/dialog-buttons.tsx";
import { fieldErrors, ProblemAlert } from "../../shared/problem-alert.tsx";
import { minPasswordLength, passwordAdvice } from "./password-advice.ts";
import type { User } from "./user.ts";

/** Gives a user a new password. */
export function PasswordDialog({ user, onClose }: { readonly user: User; readonly onClose: () => void }) {
  const [password, setPassword] = useState("");
  const save = useAction(
    () => read(api.PATCH("/api/v1/users/{id}", { params: { path: { id: user.id } }, body: { password } })),
    { changes: [["users"]], done: `${user.name} has a new password.`, onDone: onClose },
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    void save.run();
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Set a password for ${user.name}`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="md" c="dimmed">
            All sessions of {user.name} end. Hand the password over in person, and have it changed under Sessions.
          </Text>
          <PasswordInput
            label="New password"
            description={passwordAdvice}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={fieldErrors(save.problem)("/password")}
            autoComplete="new-password"
            data-autofocus
          />
          <ProblemAlert problem={save.problem} fields={["/password"]} />
          <DialogButtons running={save.running} disabled={password.length < minPasswordLength} onClose={onClose}>
            Set the password
          </DialogButtons>
        </Stack>
      </form>
    </Modal>
  );
}
