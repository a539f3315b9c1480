import type { AuditEvent } from "../audit/entry.ts";
import { Problem } from "../http/problems.ts";
import type { Asker, TokenServices } from "./services.ts";
import type { AgentTokenTable } from "./tables.ts";
import type { FoundTarget } from "./target.ts";

/** An audit event whose outcome is still to be seen. */
export type OpenEvent = Omit<AuditEvent, "outcome">;

/** For what is done with an existing token. */
export function entryOf(action: string, asker: Asker, record: AgentTokenTable): OpenEvent {
  return {
    tenantId: record.tenant_id,
    action,
    origin: asker.origin,
    target: { kind: "agent-token", id: record.id },
    details: { kind: record.kind, ...(record.agent_id !== null && { agentId: record.agent_id }) },
  };
}

/** For a token that does not exist yet. */
export function entryOfRequest(asker: Asker, found: FoundTarget, reason: string): OpenEvent {
  return {
    tenantId: found.tenantId,
    action: "agent-token.generate",
    origin: asker.origin,
    target: { kind: "agent-token", id: null },
    why: reason,
    details: { kind: found.target.kind, ...(found.agentId !== null && { agentId: found.agentId }) },
  };
}

/** Runs `work`; when it refuses, the refusal stands in the audit log before anybody is told. */
export async function refusingWith<T>(services: TokenServices, entry: OpenEvent, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const outcome = error.status >= 500 ? "failed" : "refused";
    const details = { ...entry.details, ...(entry.why !== undefined && { reason: entry.why }) };
    await services.store.durable(async (tx) =>
      services.audit.record(tx, { ...entry, outcome, why: error.code, details }),
    );
    throw error;
  }
}
