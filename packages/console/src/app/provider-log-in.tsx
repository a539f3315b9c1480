import { Button, Stack, Text } from "@mantine/core";
import { IconExternalLink } from "@tabler/icons-react";
import { useEffect, useRef } from "react";
import { api, read } from "../api/client.ts";
import type { Session } from "../api/types.ts";

interface ProviderLogInProps {
  readonly children: string;
  /** Whether the provider has to ask for the password, also somebody whom it knows already. */
  readonly again: boolean;
  /** True for the session that this log-in is about. */
  readonly isNew: (session: Session) => boolean;
  readonly onDone: (session: Session) => void;
}

const lookMs = 2_000;

/** Log-in at the identity provider in a tab of its own, so that nothing typed here is lost; the page notices its end. */
export function ProviderLogIn({ children, again, isNew, onDone }: ProviderLogInProps) {
  const told = useRef({ isNew, onDone });
  told.current = { isNew, onDone };
  useEffect(() => {
    let ended = false;
    const look = async (): Promise<void> => {
      // Until then the answer is a refusal, or the cluster is away: there is nothing to tell.
      const session = await read(api.GET("/api/v1/session")).catch(() => undefined);
      if (ended || session === undefined || !told.current.isNew(session)) return;
      ended = true;
      told.current.onDone(session);
    };
    const timer = setInterval(() => void look(), lookMs);
    const onFocus = () => void look();
    window.addEventListener("focus", onFocus);
    return () => {
      ended = true;
      clearInterval(timer);
      window.removeEventListener("focus", onFocus);
    };
  }, []);
  const query = new URLSearchParams({ returnTo: "/oidc/done", ...(again && { again: "true" }) });
  return (
    <Stack gap="sm">
      <Text size="md" c="dimmed">
        {children}
      </Text>
      <Button
        component="a"
        href={`/oidc/login?${query}`}
        target="_blank"
        rel="noopener"
        rightSection={<IconExternalLink size={16} />}
      >
        Log in with your identity provider
      </Button>
    </Stack>
  );
}
