import type { AgentConfigClaims } from "../src/agent-config.ts";
import { sealAgentConfig } from "../src/agent-config.ts";
import type { AgentIdentity } from "../src/agent-identity.ts";
import { sealAgentIdentity } from "../src/agent-identity.ts";
import { type Answer, type CheckIn, sealAnswer, sealCheckIn } from "../src/check-in.ts";
import { type EnrolAnswer, type EnrolRequest, sealEnrolAnswer, sealEnrolRequest } from "../src/enrolment.ts";
import { type JournalEntry, journalEntryHash, journalStart } from "../src/journal.ts";
import { type PreviousProof, sealPreviousProof } from "../src/previous-proof.ts";
import { type RootChangeClaims, sealRootChange } from "../src/root-change.ts";
import { sealTrustBundle, type TrustBundleClaims } from "../src/trust-bundle.ts";
import {
  configKey,
  identityKey,
  nextIdentityKey,
  nextRootKey,
  rootKey,
  secondRootKey,
  tokenKey,
} from "./fixed-keys.ts";
import type { Kind, World } from "./world.ts";

const uuid = (tail: string) => `0199a1b2-0000-7000-8000-${tail.padStart(12, "0")}`;

export const clusterId = uuid("c001");
export const tenantId = uuid("a001");
export const agentId = uuid("e001");
export const otherId = uuid("ffff");
export const nonce = "AAECAwQFBgcICQoLDA0ODw";
export const otherNonce = "Dw4NDAsKCQgHBgUEAwIBAA";
export const iss = `urn:postern:cluster:${clusterId}`;
export const iat = 1_800_000_000;
const ms = iat * 1000;

export const bundleClaims: TrustBundleClaims = {
  iss,
  ver: 5,
  iat,
  keys: [
    { kid: tokenKey.kid, use: "token", jwk: tokenKey.publicJwk },
    { kid: configKey.kid, use: "config", jwk: configKey.publicJwk },
  ],
  roots: [rootKey.kid, secondRootKey.kid],
};

export const rootChangeClaims: RootChangeClaims = { iss, ver: 1, iat, roots: [nextRootKey.kid, secondRootKey.kid] };

export const identityClaims: AgentIdentity = { iss, sub: agentId, tid: tenantId, jkt: identityKey.kid, iat };

export const configClaims: AgentConfigClaims = {
  iss,
  sub: agentId,
  tid: tenantId,
  rev: ms,
  iat,
  cfg: { serviceProtection: { on: true, liftSeconds: 14_400, singleUse: false, requireChallenge: false } },
};

/** With every member that may be left out. */
export const fullConfigClaims = {
  ...configClaims,
  cfg: {
    serviceProtection: { ...configClaims.cfg.serviceProtection, services: ["Sysmon64", "MSSQL$PAYROLL (x64)"] },
    desiredVersion: "1.20.3",
    urls: ["https://cluster.example.com", "https://[2001:db8::1]:7480/postern"],
    packages: [
      {
        version: "1.20.3",
        sha256: "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3I",
        size: 41_943_040,
        path: "/agent/v1/packages/PosternAgent-1.20.3.msi",
      },
    ],
  },
} satisfies AgentConfigClaims;

export const enrolRequest: EnrolRequest = {
  nonce,
  requestId: uuid("d001"),
  activationKeyId: uuid("b001"),
  secret: "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3I",
  facts: {
    hostName: "DESKTOP-Ä7",
    platform: "windows",
    osVersion: "10.0.26100",
    arch: "x64",
    agentVersion: "0.1.0",
    machineId: "5c1f8d1e",
    addresses: ["192.0.2.7", "2001:db8::7"],
  },
};

/** Of the key with which the machine enrols anew; `identityKey` is the one of before. */
export const previousClaims: PreviousProof = {
  iss,
  sub: agentId,
  requestId: enrolRequest.requestId,
  nonce,
  jkt: nextIdentityKey.kid,
};

const journalId = uuid("1001");
const first: JournalEntry = {
  seq: 1,
  at: ms,
  trustedAt: ms + 1,
  kind: "enrolled",
  data: {},
  prev: journalStart(journalId),
};
const second: JournalEntry = {
  seq: 2,
  at: ms - 86_400_000,
  trustedAt: ms + 2,
  kind: "refused",
  data: { reason: "expired", offline: true, attempts: 3 },
  prev: journalEntryHash(first),
};

export const checkInClaims: CheckIn = {
  sub: agentId,
  nonce,
  boot: ms,
  n: 1,
  facts: enrolRequest.facts,
  protection: {
    state: "lifted",
    since: ms,
    budgetLeft: 14_000,
    jti: uuid("0001"),
    layers: { controls: "off", serviceDacl: "failed: access denied (5)" },
  },
  applied: { rev: ms, refused: { rev: ms + 1, code: "bad_signature" } },
  bundleVer: 5,
  journal: { id: journalId, entries: [first, second] },
};

export const answerClaims: Answer = {
  sub: agentId,
  nonce,
  iat,
  rev: ms,
  bundleVer: 5,
  revoked: [uuid("0002")],
  journalAcked: 2,
  next: { holdMs: 45_000, afterMs: 0 },
};

export async function enrolAnswerClaims(): Promise<EnrolAnswer> {
  return {
    nonce,
    iat,
    agentId,
    tenantId,
    clusterId,
    identity: await sealAgentIdentity(identityClaims, configKey),
    bundle: await sealTrustBundle(bundleClaims, rootKey),
    config: await sealAgentConfig(configClaims, configKey),
    next: { holdMs: 45_000, afterMs: 0 },
  };
}

/** What the receiver of the samples knows. */
export async function sampleWorld(): Promise<World> {
  return {
    clusterId,
    tenantId,
    agentId,
    identityJwk: identityKey.publicJwk,
    pinnedRoots: [rootKey.kid, secondRootKey.kid],
    bundle: await sealTrustBundle(bundleClaims, rootKey),
    nonce,
    minRevision: ms,
    enrolment: { requestId: enrolRequest.requestId, identityThumbprint: nextIdentityKey.kid },
  };
}

/** One good message of each kind. */
export async function sampleMessages(): Promise<Record<Kind, string>> {
  return {
    "root-change": await sealRootChange(rootChangeClaims, rootKey),
    "trust-bundle": await sealTrustBundle(bundleClaims, rootKey),
    "agent-identity": await sealAgentIdentity(identityClaims, configKey),
    "agent-config": await sealAgentConfig(configClaims, configKey),
    "agent-previous": await sealPreviousProof(previousClaims, identityKey),
    "agent-enroll": await sealEnrolRequest(enrolRequest, identityKey),
    "agent-enroll-answer": await sealEnrolAnswer(await enrolAnswerClaims(), configKey),
    "agent-check-in": await sealCheckIn(checkInClaims, identityKey),
    "agent-answer": await sealAnswer(answerClaims, configKey),
  };
}
