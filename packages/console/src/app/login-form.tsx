import { Alert, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { api } from "../api/client.ts";
import { type ApiProblem, toProblem } from "../api/problem.ts";

/** Name and password. `name` is set where somebody who was logged in has to log in again. */
export function LoginForm({ name: given, onDone }: { readonly name?: string; readonly onDone: () => void }) {
  const [name, setName] = useState(given ?? "");
  const [password, setPassword] = useState("");
  const [running, setRunning] = useState(false);
  const [problem, setProblem] = useState<ApiProblem>();

  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    form.current?.querySelector<HTMLInputElement>("[data-autofocus]")?.focus();
  }, []);

  async function logIn(event: FormEvent): Promise<void> {
    event.preventDefault();
    setRunning(true);
    setProblem(undefined);
    try {
      await api.POST("/api/v1/session", { body: { name, password } });
      onDone();
    } catch (error) {
      setProblem(toProblem(error));
      setRunning(false);
    }
  }

  return (
    <form ref={form} onSubmit={(event) => void logIn(event)}>
      <Stack gap="sm">
        {problem && (
          <Alert color="red" title={problem.title} role="alert">
            {problem.detail}
          </Alert>
        )}
        <TextInput
          label="User"
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          required
          withAsterisk={false}
          data-autofocus={given === undefined || undefined}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <PasswordInput
          label="Password"
          name="password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          data-autofocus={given !== undefined || undefined}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Button type="submit" loading={running} mt={4}>
          Log in
        </Button>
      </Stack>
    </form>
  );
}
