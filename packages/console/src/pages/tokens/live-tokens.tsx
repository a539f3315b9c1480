import { Button, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import type { TokenKind, TokenSummary } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { Confirm } from "../../shared/confirm.tsx";
import { useNow } from "../../shared/now.ts";
import { clockTime } from "../../shared/times.ts";
import { count } from "../../shared/words.ts";
import classes from "./tokens.module.css";

/** The live tokens of the same reach: to be viewed again, or revoked. */
export function LiveTokens({
  kind,
  agentId,
  tenantId,
  onView,
}: {
  readonly kind: TokenKind;
  readonly agentId: string | undefined;
  readonly tenantId: string | undefined;
  readonly onView: (token: TokenSummary) => void;
}) {
  const [revoking, setRevoking] = useState<TokenSummary>();
  const now = useNow(1_000);
  const reach = kind === "agent" ? { agentId } : kind === "tenant" ? { tenantId } : {};
  const live = useQuery({
    queryKey: ["agent-tokens", "live", kind, reach],
    queryFn: () =>
      read(
        api.GET("/api/v1/agent-tokens", {
          params: { query: clean({ kind, state: "live" as const, limit: 50, ...reach }) },
        }),
      ),
  });
  const tokens = (live.data?.items ?? []).filter(({ expiresAt }) => Date.parse(expiresAt) > now);
  if (tokens.length === 0) return null;
  return (
    <section className={classes["live"]} aria-label="Live tokens">
      <Title order={3} mb={4}>
        {count(tokens.length, "live token")}
      </Title>
      {tokens.map((token) => (
        <div key={token.id} className={classes["token"]}>
          <span className={classes["what"]}>
            <b>{token.agent?.hostName ?? token.tenant?.name ?? "The cluster"}</b>: {token.reason}
            <Text size="xs" c="dimmed">
              {token.issuedBy.name}
              {token.ticket !== null && ` · ${token.ticket}`} · redeemed {count(token.redemptionCount, "time")}
            </Text>
          </span>
          <span className="number">{clockTime(Date.parse(token.expiresAt) - now)}</span>
          <Button size="xs" variant="default" onClick={() => onView(token)}>
            View
          </Button>
          <Button size="xs" variant="subtle" color="red.8" onClick={() => setRevoking(token)}>
            Revoke
          </Button>
        </div>
      ))}
      {revoking && <Revoke token={revoking} onClose={() => setRevoking(undefined)} />}
    </section>
  );
}

function Revoke({ token, onClose }: { readonly token: TokenSummary; readonly onClose: () => void }) {
  const revoke = useAction(() => api.DELETE("/api/v1/agent-tokens/{id}", { params: { path: { id: token.id } } }), {
    changes: [["agent-tokens"], ["agent-token"]],
    done: "The token was revoked.",
    onDone: onClose,
  });
  return (
    <Confirm
      title="Revoke this token?"
      verb="Revoke it"
      dangerous
      running={revoke.running}
      problem={revoke.problem}
      onConfirm={() => void revoke.run()}
      onClose={onClose}
    >
      Agents that are connected refuse it from now on. A machine that is offline cannot be told: there it works until it
      expires. Where it was redeemed already, protection stays lifted.
    </Confirm>
  );
}

/** Without the members that are undefined: the API refuses empty filters. */
function clean<Of extends object>(query: Of): { [Name in keyof Of]: Exclude<Of[Name], undefined> } {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as never;
}
