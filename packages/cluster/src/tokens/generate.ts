import { sha256Base64url } from "@postern/protocol";
import { type AgentTokenClaims, mint } from "@postern/token";
import { toRfc3339 } from "../clock.ts";
import { deferToCommit } from "../db/commit-lane.ts";
import { Problem } from "../http/problems.ts";
import { requireRecentPassword } from "../identity/reauthentication.ts";
import type { Tx } from "../schema.ts";
import { chooseTokenKey } from "./choose-key.ts";
import { type Coverage, coverageOf } from "./coverage.ts";
import { findAgentGroups } from "./coverage-query.ts";
import { issuedTokens } from "./issued-tokens.ts";
import { retrieveToken } from "./retrieve.ts";
import { requireRight } from "./right.ts";
import type { Asker, TokenServices } from "./services.ts";
import type { AgentTokenTable } from "./tables.ts";
import { type AskedTarget, type FoundTarget, findTarget, readChallenge, refuseOtherPlatforms } from "./target.ts";
import { entryOfRequest, refusingWith } from "./token-audit.ts";
import { newTokenClaims } from "./token-claims.ts";
import { findTokenAnywhere } from "./token-records.ts";
import { enterRequest } from "./token-requests.ts";

export interface GenerateRequest extends AskedTarget {
  readonly reason: string;
  readonly ticket?: string;
  /** As a person typed it. */
  readonly challenge?: string;
}

export interface GeneratedToken {
  readonly record: AgentTokenTable;
  readonly token: string;
  readonly coverage: Coverage;
}

/**
 * Generates an agent token. Its record and the audit entry are on disk before it leaves; the token itself is not stored.
 *
 * With an idempotency key, the repetition of the same request by the same principal gives the same token again.
 *
 * @throws {Problem} validation_failed, not_found, role_may_not_generate, reauthentication_required,
 *   token_platform_unsupported, challenge_agent_only, challenge_mistyped, idempotency_key_reused, token_rate_limited;
 *   token_key_withdrawn: in
 *   this very moment; for a repetition what `retrieveToken` throws
 */
export async function generateToken(
  services: TokenServices,
  asker: Asker,
  request: GenerateRequest,
  idempotencyKey: string | undefined,
): Promise<GeneratedToken> {
  const { store, audit } = services;
  const found = await findTarget(store.reads, asker.access, request);
  const entry = entryOfRequest(asker, found, request.reason);
  const challenge = await refusingWith(services, entry, async () => checkRequest(services, asker, request, found));

  const keys = await services.keys.fresh();
  const groups = found.groups ?? (await findAgentGroups(store.reads, found));
  const signer = chooseTokenKey(keys, groups);
  const claims = newTokenClaims({
    clusterId: keys.clusterId,
    target: found.target,
    jti: services.newId(),
    nowMs: services.clock.now(),
    liftSeconds: found.liftSeconds,
    challenge,
  });
  const token = await mint(claims, signer);
  const record = toRecord(claims, token, asker, request, found, signer.kid);

  const issue = (tx: Tx) => {
    deferToCommit(tx, issuedTokens, record);
    const { id, tenant_id: tenantId, agent_id: agentId } = record;
    services.feed.publish(tx, { kind: "token", tenantId, agentId, tokenId: id, what: "issued" });
    audit.record(tx, {
      ...entry,
      outcome: "done",
      target: { kind: "agent-token", id: record.id },
      details: { ...entry.details, ...detailsOf(record) },
    });
  };
  if (idempotencyKey === undefined) {
    await store.leave(issue);
  } else {
    const tokenRequest = { principalId: record.issued_by_id, idempotencyKey, body: request };
    const tokenId = await store.durable(async (tx) => {
      const firstId = await enterRequest(tx, tokenRequest, record.id, services.clock.now());
      if (firstId === record.id) issue(tx);
      return firstId;
    });
    if (tokenId !== record.id) return giveAgain(services, asker, tokenId);
  }
  const traits = { kid: signer.kid, answersChallenge: challenge !== undefined };
  return { record, token, coverage: coverageOf(groups, traits, keys) };
}

/** A repetition: the token made here has reached nobody and is forgotten; the one made at first is given. */
async function giveAgain(services: TokenServices, asker: Asker, tokenId: string): Promise<GeneratedToken> {
  const record = await findTokenAnywhere(services.store.reads, tokenId);
  if (record === undefined) throw new Problem("not_found");
  const token = await retrieveToken(services, asker, record, "agent-token.retrieve");
  return { record, token, coverage: await coverageOfRecord(services, record) };
}

/** Whether this token may be generated at all; gives the challenge in the form in which it is signed. */
function checkRequest(
  { deployment, clock, rate }: TokenServices,
  { principal }: Asker,
  request: GenerateRequest,
  found: FoundTarget,
): string | undefined {
  requireRight("generate", principal, request.kind, found.tenantId, deployment);
  if (request.kind !== "agent") requireRecentPassword(principal, clock.now());
  refuseOtherPlatforms(found);
  const challenge = readChallenge(request.kind, request.challenge);
  rate.spend(principal.userId);
  return challenge;
}

function toRecord(
  claims: AgentTokenClaims,
  token: string,
  { principal }: Asker,
  request: GenerateRequest,
  found: FoundTarget,
  kid: string,
): AgentTokenTable {
  return {
    id: claims.jti,
    kind: request.kind,
    tenant_id: found.tenantId,
    agent_id: found.agentId,
    kid,
    claims: JSON.stringify(claims),
    token_sha256: sha256Base64url(token),
    issued_at: claims.iat * 1000,
    expires_at: claims.exp * 1000,
    reason: request.reason,
    ticket: request.ticket ?? null,
    issued_by_id: principal.kind === "api_key" ? principal.credentialId : principal.userId,
    issued_by_name: principal.who.name,
    revoked_at: null,
    revoked_by_name: null,
  };
}

function detailsOf(record: AgentTokenTable): Record<string, unknown> {
  const { kid, token_sha256: sha256, ticket } = record;
  return { kid, sha256, expiresAt: toRfc3339(record.expires_at), ...(ticket !== null && { ticket }) };
}

async function coverageOfRecord({ store, keys }: TokenServices, record: AgentTokenTable): Promise<Coverage> {
  const { chg } = JSON.parse(record.claims) as AgentTokenClaims;
  const groups = await findAgentGroups(store.reads, { tenantId: record.tenant_id, agentId: record.agent_id });
  return coverageOf(groups, { kid: record.kid, answersChallenge: chg !== undefined }, keys.snapshot());
}
