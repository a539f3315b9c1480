import type { Facts, UnverifiedPreviousProof } from "@postern/protocol";
import type { PublicJwk } from "@postern/token";
import type { Audit } from "../audit/record.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import type { Origin } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import { intentListOf } from "../profiles/intents.ts";
import { resolveProfile } from "../profiles/resolve-profile.ts";
import type { Tx } from "../schema.ts";
import { findKeyAnywhere, isSecretOf, spendUse } from "./activation-keys.ts";
import { continueAgent } from "./continuation.ts";
import { agentLimits } from "./limits.ts";
import { listAgent } from "./listed.ts";
import { searchColumns } from "./search-columns.ts";
import { type ActivationKeyTable, type AgentTable, newAgentStanding } from "./tables.ts";
import { isKeyOfTombstone } from "./tombstones.ts";

/** What an agent asks to be admitted with. Its signature has been verified: it holds the private half of the key. */
export interface AdmissionRequest {
  readonly activationKeyId: string;
  readonly secret: string;
  readonly requestId: string;
  readonly identityKey: { readonly jwk: PublicJwk; readonly thumbprint: string };
  readonly facts: Facts;
  readonly nonce: string;
  /** The cluster that it enrols at. */
  readonly clusterId: string;
  /** What it brings to prove who its machine was; nothing of it is verified yet. */
  readonly previous?: UnverifiedPreviousProof;
}

/** The activation key was proved and does not admit any more; told to the tenant's audit log, not only to the sender. */
export class AdmissionRefused extends Problem {
  readonly key: Pick<ActivationKeyTable, "id" | "tenant_id">;

  constructor(
    code: "activation_key_revoked" | "activation_key_expired" | "activation_key_used_up",
    key: ActivationKeyTable,
  ) {
    super(code);
    this.key = key;
  }
}

/**
 * Admits an agent into the tenant of its activation key and spends one use; the same request again gives the same agent
 * and spends none. It is a new agent, unless its machine proves to be one of this tenant's: names prove nothing.
 *
 * Who cannot prove the secret learns nothing, not even whether the key exists. Only who can is told what became of it.
 *
 * @throws {Problem} activation_key_invalid, enrolment_conflict
 * @throws {AdmissionRefused} activation_key_revoked, activation_key_expired, activation_key_used_up
 */
export async function admitAgent(
  tx: Tx,
  audit: Audit,
  origin: Origin,
  request: AdmissionRequest,
  newAgentId: string,
  now: number,
): Promise<AgentTable> {
  const key = await findKeyAnywhere(tx, request.activationKeyId);
  if (key === undefined || !isSecretOf(key, request.secret)) throw new Problem("activation_key_invalid");
  if (key.revoked_at !== null) throw new AdmissionRefused("activation_key_revoked", key);
  const admitted = await findAdmitted(tx, key, request);
  if (admitted !== undefined) return admitted;

  if (now >= key.expires_at) throw new AdmissionRefused("activation_key_expired", key);
  if (!(await spendUse(tx, key, now))) throw new AdmissionRefused("activation_key_used_up", key);
  const continued = await continueAgent(tx, key.tenant_id, request);
  const agent = continued ?? (await insertAgent(tx, await newAgent(tx, key.tenant_id, request, newAgentId, now), now));
  await tx
    .insertInto("enrolment")
    .values({ activation_key_id: key.id, request_id: request.requestId, agent_id: agent.id })
    .execute();
  audit.record(tx, {
    tenantId: agent.tenant_id,
    action: "agent.enrol",
    outcome: "done",
    origin: { ...origin, who: { kind: "agent", id: agent.id, name: agent.host_name } },
    target: { kind: "agent", id: agent.id, name: agent.host_name },
    details: {
      activationKeyId: key.id,
      platform: agent.platform,
      identityThumbprint: request.identityKey.thumbprint,
      ...(continued !== undefined && { continues: true }),
    },
  });
  return agent;
}

/** The agent that this request, or this identity key, has already made. */
async function findAdmitted(
  tx: Tx,
  key: ActivationKeyTable,
  request: AdmissionRequest,
): Promise<AgentTable | undefined> {
  const repeated = await tx
    .selectFrom("enrolment")
    .innerJoin("agent", "agent.id", "enrolment.agent_id")
    .selectAll("agent")
    .where("enrolment.activation_key_id", "=", key.id)
    .where("enrolment.request_id", "=", request.requestId)
    .where("agent.tenant_id", "=", key.tenant_id)
    .executeTakeFirst();
  const { thumbprint } = request.identityKey;
  if (repeated?.identity_thumbprint === thumbprint || repeated?.next_identity_thumbprint === thumbprint)
    return repeated;
  if (repeated !== undefined) throw new Problem("enrolment_conflict");
  const known = await acrossTenants(
    tx
      .selectFrom("agent")
      .select("id")
      .where((row) =>
        row.or([row("identity_thumbprint", "=", thumbprint), row("next_identity_thumbprint", "=", thumbprint)]),
      ),
    "an identity key enrols once in the whole cluster",
  ).executeTakeFirst();
  if (known !== undefined || (await isKeyOfTombstone(tx, thumbprint))) throw new Problem("enrolment_conflict");
  return undefined;
}

async function newAgent(
  tx: Tx,
  tenantId: string,
  { identityKey, facts }: AdmissionRequest,
  id: string,
  now: number,
): Promise<NewAgent> {
  const profileId = resolveProfile(facts, [], await intentListOf(tx, tenantId));
  return { id, tenantId, identityKey, facts, enrolledAt: now, profileId };
}

/** What a row of an agent begins with. */
export interface NewAgent {
  readonly id: string;
  readonly tenantId: string;
  readonly identityKey: { readonly jwk: PublicJwk; readonly thumbprint: string };
  readonly facts: Facts;
  readonly enrolledAt: number;
  readonly profileId: string;
}

export async function insertAgent(
  tx: Tx,
  { id, tenantId, identityKey, facts, enrolledAt, profileId }: NewAgent,
  now: number,
  beside: Partial<AgentTable> = {},
): Promise<AgentTable> {
  const agent: AgentTable = {
    id,
    tenant_id: tenantId,
    platform: facts.platform,
    ...searchColumns(facts),
    label_text: "",
    facts: JSON.stringify(facts),
    identity_key: identityKey.jwk.x,
    identity_thumbprint: identityKey.thumbprint,
    next_identity_key: null,
    next_identity_thumbprint: null,
    enrolled_at: enrolledAt,
    profile_id: profileId,
    assigned_at: now,
    revision_lead: 0,
    protection_state: null,
    protection: null,
    applied_rev: 0,
    refused_rev: null,
    refused_code: null,
    bundle_ver: 0,
    would_drop_profile_id: null,
    would_drop_since: null,
    labels_changed_at: now,
    kept_on_at: null,
    machine_id: facts.machineId,
    ...newAgentStanding,
    ...beside,
  };
  await tx.insertInto("agent").values(agent).execute();
  await listAgent(tx, agent);
  const presence = { agent_id: id, boot: 0, n: 0, seen_at: now, due_at: now + agentLimits.graceMs };
  await tx.insertInto("presence").values(presence).execute();
  return agent;
}
