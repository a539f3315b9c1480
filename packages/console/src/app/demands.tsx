import { Alert, Button, Group, Modal, PasswordInput, Stack, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { openDemand } from "../api/authority.ts";
import { api, read } from "../api/client.ts";
import { type ApiProblem, toProblem } from "../api/problem.ts";
import { sessionKey, sessionQuery, useSession } from "../api/session.ts";
import type { Session } from "../api/types.ts";
import { useExternalValue } from "../shared/external-value.ts";
import { LoginForm } from "./login-form.tsx";
import { ProviderLogIn } from "./provider-log-in.tsx";

/** Asks for what a request lacks, over the page as it is: nothing that was typed is lost. */
export function Demands() {
  const open = useExternalValue(openDemand);
  if (open === null) return null;
  return open.demand === "log_in" ? <LogInAgain settle={open.settle} /> : <PasswordAgain settle={open.settle} />;
}

interface DemandProps {
  readonly settle: (given: boolean) => void;
}

function LogInAgain({ settle }: DemandProps) {
  const client = useQueryClient();
  const { name, userId, loginBy } = useSession();

  function done(now: Session): void {
    // Somebody else sits here now: nothing of what the other saw stays.
    if (now.userId !== userId) window.location.reload();
    client.setQueryData(sessionKey, now);
    settle(true);
  }

  return (
    <Modal
      opened
      onClose={() => settle(false)}
      title="Your session has ended"
      size="sm"
      closeOnClickOutside={false}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Stack gap="sm">
        {loginBy === "provider" ? (
          <ProviderLogIn again={false} isNew={() => true} onDone={done}>
            Log in again to go on where you were. What you typed is still there.
          </ProviderLogIn>
        ) : (
          <>
            <Text size="md" c="dimmed">
              Log in again to go on where you were. What you typed is still there.
            </Text>
            <LoginForm name={name} onDone={() => void read(api.GET("/api/v1/session")).then(done)} />
          </>
        )}
      </Stack>
    </Modal>
  );
}

function PasswordAgain({ settle }: DemandProps) {
  const client = useQueryClient();
  const { name, loginBy, passwordGivenAt } = useSession();
  const [password, setPassword] = useState("");
  const [running, setRunning] = useState(false);
  const [problem, setProblem] = useState<ApiProblem>();

  async function confirm(event: FormEvent): Promise<void> {
    event.preventDefault();
    setRunning(true);
    setProblem(undefined);
    try {
      await api.POST("/api/v1/session/reauthenticate", { body: { password } });
      void client.invalidateQueries({ queryKey: sessionQuery.queryKey });
      settle(true);
    } catch (error) {
      setProblem(toProblem(error));
      setRunning(false);
    }
  }

  return (
    <Modal
      opened
      onClose={() => settle(false)}
      title="Confirm that it is you"
      size="sm"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {loginBy === "provider" ? (
        <ProviderLogIn
          again
          isNew={(now) => now.passwordGivenAt !== passwordGivenAt}
          onDone={(now) => {
            client.setQueryData(sessionKey, now);
            settle(true);
          }}
        >
          Your log-in is more than 15 minutes old, and this needs a recent one. What you typed here stays.
        </ProviderLogIn>
      ) : (
        <form onSubmit={(event) => void confirm(event)}>
          <Stack gap="sm">
            <Text size="md" c="dimmed">
              Your log-in is more than 15 minutes old, and this needs a recent one.
            </Text>
            {problem && (
              <Alert color="red" title={problem.title} role="alert">
                {problem.detail}
              </Alert>
            )}
            <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
            <PasswordInput
              label={`Password of ${name}`}
              autoComplete="current-password"
              data-autofocus
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            <Group justify="flex-end" gap="xs" mt={4}>
              <Button variant="default" onClick={() => settle(false)}>
                Cancel
              </Button>
              <Button type="submit" loading={running} disabled={password === ""}>
                Confirm
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
