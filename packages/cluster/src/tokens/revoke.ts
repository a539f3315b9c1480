import { Problem } from "../http/problems.ts";
import { requireRight } from "./right.ts";
import type { Asker, TokenServices } from "./services.ts";
import type { AgentTokenTable } from "./tables.ts";
import { entryOf, refusingWith } from "./token-audit.ts";
import { endToken, stateOfToken } from "./token-records.ts";

/**
 * Revokes a token: connected agents are told at once, the others when they come; an agent that never comes cannot be
 * told. Revoking again changes nothing.
 *
 * @throws {Problem} role_may_not_retrieve; token_not_live: it has expired by itself
 */
export async function revokeToken(services: TokenServices, asker: Asker, record: AgentTokenTable): Promise<void> {
  const { store, audit, clock, deployment, feed } = services;
  const entry = entryOf("agent-token.revoke", asker, record);
  await refusingWith(services, entry, async () => {
    requireRight("retrieve", asker.principal, record.kind, record.tenant_id, deployment);
  });
  const now = clock.now();
  const state = stateOfToken(record, now);
  if (state === "revoked") return;
  if (state === "expired") throw new Problem("token_not_live", "The token has expired by itself.");
  await store.durable(async (tx) => {
    if (!(await endToken(tx, record, asker.principal.who.name, now))) return;
    audit.record(tx, { ...entry, outcome: "done" });
    const { id, tenant_id: tenantId, agent_id: agentId } = record;
    feed.publish(tx, { kind: "revocation", tenantId, agentId });
    feed.publish(tx, { kind: "token", tenantId, agentId, tokenId: id, what: "revoked" });
  });
}
