import { Button, Group, Modal, PasswordInput, Stack } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client.ts";
import { useSession } from "../../api/session.ts";
import { useAction } from "../../api/use-action.ts";
import { fieldErrors, ProblemAlert } from "../../shared/problem-alert.tsx";
import { minPasswordLength, passwordAdvice } from "./password-advice.ts";

/** Changes one's own password; the other sessions end. */
export function OwnPasswordDialog({ onClose }: { readonly onClose: () => void }) {
  const { name } = useSession();
  const [password, setPassword] = useState("");
  const [newPassword, setNewPassword] = useState("");
  const change = useAction(() => api.PUT("/api/v1/session/password", { body: { password, newPassword } }), {
    changes: [["sessions"], ["session"]],
    done: "Your password is changed; your other sessions have ended.",
    onDone: onClose,
  });
  const errorAt = fieldErrors(change.problem);
  function submit(event: FormEvent): void {
    event.preventDefault();
    void change.run();
  }
  return (
    <Modal opened onClose={onClose} title="Change your password" closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
          <PasswordInput
            label="Password of now"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={errorAt("/password")}
            autoComplete="current-password"
            data-autofocus
          />
          <PasswordInput
            label="New password"
            description={passwordAdvice}
            value={newPassword}
            onChange={(event) => setNewPassword(event.currentTarget.value)}
            error={errorAt("/newPassword")}
            autoComplete="new-password"
          />
          <ProblemAlert problem={change.problem} fields={["/password", "/newPassword"]} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              loading={change.running}
              disabled={password === "" || newPassword.length < minPasswordLength}
            >
              Change
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
