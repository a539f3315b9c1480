import type { ProtectionReport } from "@postern/protocol";
import type { AgentTokenClaims } from "@postern/token";
import { Type } from "typebox";
import { toReportedTime } from "../agents/reported-time.ts";
import { toRfc3339, toRfc3339OrNull } from "../clock.ts";
import { nullable, oneOf, type Static, Time, Uuid } from "../http/schema.ts";
import { type Coverage, coverageReasons } from "./coverage.ts";
import type { TokenSubject } from "./file-name.ts";
import type { ShownRedemption } from "./redemptions.ts";
import { stateOfToken, type TokenRecord, tokenStates } from "./token-records.ts";

export const tokenKinds = ["cluster", "tenant", "agent"] as const;

const named = nullable(Type.Object({ id: Uuid, name: Type.String() }));

const summary = {
  id: Uuid,
  kind: oneOf(tokenKinds),
  tenant: named,
  agent: nullable(Type.Object({ id: Uuid, hostName: Type.String() })),
  state: oneOf(tokenStates),
  issuedAt: Time,
  expiresAt: Time,
  issuedBy: Type.Object({ id: Type.String(), name: Type.String() }),
  reason: Type.String(),
  ticket: nullable(Type.String()),
  liftSeconds: Type.Integer(),
  answersChallenge: Type.Boolean(),
  revokedAt: nullable(Time),
  revokedBy: nullable(Type.String()),
};

export const TokenSummary = Type.Object({ ...summary, redemptionCount: Type.Integer() });

const token = Type.String({ description: "The token: whoever has it can lift protection until it expires." });

const liftStates = ["running", "over"] as const;

export const TokenDetail = Type.Object({
  ...summary,
  token: nullable(token),
  redemptionCount: Type.Integer(),
  redemptions: Type.Array(
    Type.Object({
      agent: Type.Object({ id: Uuid, hostName: Type.String() }),
      at: Time,
      trustedAt: Time,
      receivedAt: Time,
      lift: oneOf(liftStates, {
        description: "Whether the agent, when it was heard of last, was lifted by this very token.",
      }),
    }),
  ),
});

export const CoverageView = Type.Object({
  agents: Type.Integer({ description: "Windows agents that the token is for." }),
  reached: Type.Integer(),
  deleted: Type.Optional(
    Type.Literal(true, { description: "There when it is for an agent that was deleted here, and may run on." }),
  ),
  notReached: Type.Array(Type.Object({ reason: oneOf(coverageReasons), count: Type.Integer() })),
});

export function toCoverageView({ notReached, ...counts }: Coverage): Static<typeof CoverageView> {
  return { ...counts, notReached: [...notReached] };
}

export const TokenPreviewView = Type.Object({
  kid: Type.String({ description: "The token key that would sign it." }),
  coverage: CoverageView,
});

export const GeneratedTokenView = Type.Object({
  id: Uuid,
  kind: oneOf(tokenKinds),
  token,
  issuedAt: Time,
  expiresAt: Time,
  coverage: CoverageView,
});

export function toTokenSummary(record: TokenRecord, redemptionCount: number, now: number): Static<typeof TokenSummary> {
  return { ...toCommon(record, now), redemptionCount };
}

export function toTokenDetail(
  record: TokenRecord,
  revealed: string | null,
  redemptions: readonly ShownRedemption[],
  redemptionCount: number,
  now: number,
): Static<typeof TokenDetail> {
  return {
    ...toCommon(record, now),
    token: revealed,
    redemptionCount,
    redemptions: redemptions.map((one) => ({
      agent: { id: one.agent_id, hostName: one.host_name },
      at: toReportedTime(one.at),
      trustedAt: toReportedTime(one.trusted_at),
      receivedAt: toRfc3339(one.received_at),
      lift: isLiftedBy(one, record.id) ? "running" : "over",
    })),
  };
}

function isLiftedBy({ protection }: ShownRedemption, tokenId: string): boolean {
  if (protection === null) return false;
  const { state, jti } = JSON.parse(protection) as ProtectionReport;
  return state === "lifted" && jti === tokenId;
}

/** Whom the record's token is for, as its file is named. */
export function subjectOf({ kind, tenant_name, host_name }: TokenRecord): TokenSubject {
  if (kind === "agent") return { kind, hostName: host_name ?? "" };
  return kind === "tenant" ? { kind, tenantName: tenant_name ?? "" } : { kind };
}

function toCommon(record: TokenRecord, now: number) {
  const { tenant_id, tenant_name, agent_id, host_name } = record;
  const { lift, chg } = JSON.parse(record.claims) as AgentTokenClaims;
  return {
    id: record.id,
    kind: record.kind,
    tenant: tenant_id === null ? null : { id: tenant_id, name: tenant_name ?? "" },
    agent: agent_id === null ? null : { id: agent_id, hostName: host_name ?? "" },
    state: stateOfToken(record, now),
    issuedAt: toRfc3339(record.issued_at),
    expiresAt: toRfc3339(record.expires_at),
    issuedBy: { id: record.issued_by_id, name: record.issued_by_name },
    reason: record.reason,
    ticket: record.ticket,
    liftSeconds: lift,
    answersChallenge: chg !== undefined,
    revokedAt: toRfc3339OrNull(record.revoked_at),
    revokedBy: record.revoked_by_name,
  };
}
