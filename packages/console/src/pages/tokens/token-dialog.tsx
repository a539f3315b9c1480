import { Modal, SegmentedControl, Stack } from "@mantine/core";
import { useState } from "react";
import { useMay } from "../../api/session.ts";
import type { Agent, GeneratedToken, TokenKind } from "../../api/types.ts";
import { useTenantId, useTenantName } from "../../app/tenant.ts";
import { LiveTokens } from "./live-tokens.tsx";
import { TokenForm } from "./token-form.tsx";
import { type MadeToken, TokenMade, toMade } from "./token-made.tsx";

/** An agent that a token can be for; it may have been deleted. */
export type TokenAgent = Pick<Agent, "id" | "tenantId" | "hostName" | "platform">;

/**
 * Agent Token: for the cluster, for a tenant, or, when it was opened from an agent's row, for that agent. Shows the live
 * ones of the same reach, too.
 */
export function TokenDialog({ agent, onClose }: { readonly agent: TokenAgent | null; readonly onClose: () => void }) {
  const may = useMay();
  const chosenTenant = useTenantId();
  const tenantName = useTenantName();
  const kinds = kindsFor(agent, may.token);
  const [kind, setKind] = useState<TokenKind>(agent?.platform === "windows" ? "agent" : "tenant");
  const [tenantId, setTenantId] = useState(agent?.tenantId ?? chosenTenant);
  const [made, setMade] = useState<MadeToken>();

  function show(token: GeneratedToken): void {
    const names = { cluster: undefined, tenant: tenantName(tenantId ?? ""), agent: agent?.hostName };
    setMade({
      ...token,
      agentId: kind === "agent" ? agent?.id : undefined,
      tenantId: kind === "cluster" ? undefined : tenantId,
      forWhom: names[kind],
    });
  }

  return (
    <Modal
      opened
      onClose={onClose}
      title="Agent Token"
      size={640}
      closeOnClickOutside={made === undefined}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {made === undefined ? (
        <Stack gap="md">
          {kinds.length > 1 && (
            <SegmentedControl
              fullWidth
              aria-label="For what"
              value={kind}
              onChange={(value) => setKind(kinds.find((one) => one.value === value)?.value ?? "tenant")}
              data={kinds}
            />
          )}
          <TokenForm
            key={kind}
            kind={kind}
            agent={agent}
            tenantId={tenantId}
            onTenant={setTenantId}
            onMade={show}
            onCancel={onClose}
          />
          <LiveTokens kind={kind} agentId={agent?.id} tenantId={tenantId} onView={(token) => setMade(toMade(token))} />
        </Stack>
      ) : (
        <TokenMade made={made} onBack={() => setMade(undefined)} onClose={onClose} />
      )}
    </Modal>
  );
}

function kindsFor(agent: TokenAgent | null, mayUse: (kind: TokenKind, tenantId?: string) => boolean) {
  const all: { readonly value: TokenKind; readonly label: string; readonly shown: boolean }[] = [
    { value: "cluster", label: "Token For Cluster", shown: mayUse("cluster") },
    { value: "tenant", label: "Token For Tenant", shown: mayUse("tenant", agent?.tenantId) },
    {
      value: "agent",
      label: `For ${agent?.hostName ?? ""}`,
      shown: agent?.platform === "windows" && mayUse("agent", agent.tenantId),
    },
  ];
  return all.filter(({ shown }) => shown).map(({ value, label }) => ({ value, label }));
}
