import { Button, Center, Divider, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { queryClient } from "../api/query-client.ts";
import { useLoginMethods } from "../api/session.ts";
import { LoginForm } from "./login-form.tsx";
import { Mark } from "./mark.tsx";

/** Shown at any address to somebody who is not logged in; the address stays, and opens afterwards. */
export function LoginPage() {
  const methods = useLoginMethods();
  const here = window.location.pathname + window.location.search;
  return (
    <Center component="main" mih="100vh" p="md">
      <Stack w="100%" maw={360} gap="lg" pb={60}>
        <Group gap={10} justify="center">
          <Mark size={32} />
          <Title order={1} size="h1">
            Postern
          </Title>
        </Group>
        <Paper withBorder p="lg" radius="md" bg="var(--raised)">
          <Stack gap="md">
            <LoginForm onDone={() => void queryClient.resetQueries()} />
            {methods.data?.provider === true && (
              <>
                <Divider label="or" />
                <Button component="a" href={`/oidc/login?returnTo=${encodeURIComponent(here)}`} variant="default">
                  Log in with your identity provider
                </Button>
              </>
            )}
          </Stack>
        </Paper>
        <Text size="xs" c="dimmed" ta="center">
          The first start of a cluster makes the user <b>admin</b> and prints its password.
        </Text>
      </Stack>
    </Center>
  );
}
