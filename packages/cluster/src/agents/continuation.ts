import { MessageRefused, type UnverifiedPreviousProof, verifyKeyOf, verifyPreviousProof } from "@postern/protocol";
import type { PublicJwk } from "@postern/token";
import type { Audit } from "../audit/record.ts";
import type { Tx } from "../schema.ts";
import type { AgentTable } from "./tables.ts";

/** An enrolment as far as it tells who its sender was. */
export interface ContinuationRequest {
  readonly requestId: string;
  readonly nonce: string;
  readonly clusterId: string;
  readonly identityKey: { readonly jwk: PublicJwk; readonly thumbprint: string };
  readonly previous?: UnverifiedPreviousProof;
}

/**
 * Lets an agent's record go on under a new identity key, when its own key has signed that it shall. The old key stays good
 * until the new one has signed a check-in: an answer that gets lost, or that the agent does not take, locks nobody out.
 *
 * @returns undefined when nothing of this tenant is continued: a proof that does not verify is as none
 */
export async function continueAgent(
  tx: Tx,
  tenantId: string,
  request: ContinuationRequest,
): Promise<AgentTable | undefined> {
  const { previous, identityKey } = request;
  if (previous === undefined) return undefined;
  const agent = await tx
    .selectFrom("agent")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("id", "=", previous.unverifiedClaims.sub)
    .where("standing", "!=", "decommissioned")
    .executeTakeFirst();
  if (agent === undefined || !keysOf(agent).some((x) => isProvedBy(previous, x, request))) return undefined;
  const next = { next_identity_key: identityKey.jwk.x, next_identity_thumbprint: identityKey.thumbprint };
  await tx.updateTable("agent").set(next).where("tenant_id", "=", tenantId).where("id", "=", agent.id).execute();
  return { ...agent, ...next };
}

/** `x` of each key with which the agent may sign: its own, and the one with which its machine has enrolled anew. */
export function keysOf({ identity_key, next_identity_key }: AgentTable): string[] {
  return next_identity_key === null ? [identity_key] : [identity_key, next_identity_key];
}

/** The new key has signed: from now on the old one proves nothing. */
export async function adoptNextKey(tx: Tx, audit: Audit, agent: AgentTable): Promise<void> {
  const { id, tenant_id: tenantId, host_name: name, next_identity_key: key, next_identity_thumbprint } = agent;
  if (key === null || next_identity_thumbprint === null) return;
  const adopted = await tx
    .updateTable("agent")
    .set({
      identity_key: key,
      identity_thumbprint: next_identity_thumbprint,
      next_identity_key: null,
      next_identity_thumbprint: null,
    })
    .where("tenant_id", "=", tenantId)
    .where("id", "=", id)
    .where("next_identity_thumbprint", "=", next_identity_thumbprint)
    .returning("id")
    .executeTakeFirst();
  if (adopted === undefined) return;
  audit.record(tx, {
    tenantId,
    action: "agent.change-key",
    outcome: "done",
    origin: { who: { kind: "agent", id, name }, address: null, requestId: null },
    target: { kind: "agent", id, name },
    details: { from: agent.identity_thumbprint, to: next_identity_thumbprint },
  });
}

function isProvedBy(previous: UnverifiedPreviousProof, x: string, request: ContinuationRequest): boolean {
  const { clusterId, requestId, nonce, identityKey } = request;
  const expected = { clusterId, requestId, nonce, identityThumbprint: identityKey.thumbprint };
  try {
    verifyPreviousProof(previous, verifyKeyOf({ kty: "OKP", crv: "Ed25519", x }), expected);
    return true;
  } catch (error) {
    if (error instanceof MessageRefused) return false;
    throw error;
  }
}
