import fc from "fast-check";
import { type AgentConfigClaims, sealAgentConfig } from "../src/agent-config.ts";
import { type AgentIdentity, sealAgentIdentity } from "../src/agent-identity.ts";
import { type Answer, type CheckIn, protectionStates, sealAnswer, sealCheckIn } from "../src/check-in.ts";
import { type EnrolAnswer, type EnrolRequest, sealEnrolAnswer, sealEnrolRequest } from "../src/enrolment.ts";
import { platforms } from "../src/facts.ts";
import { fitsJournal, type JournalEntry } from "../src/journal.ts";
import { maxAfterMs, maxClusterUrls, maxHoldMs, maxPackageBytes, maxPackages, maxServices } from "../src/limits.ts";
import { type PreviousProof, sealPreviousProof } from "../src/previous-proof.ts";
import { type RootChangeClaims, sealRootChange } from "../src/root-change.ts";
import { sealTrustBundle, type TrustBundleClaims } from "../src/trust-bundle.ts";
import { configKey, identityKey, rootKey, tokenKey } from "./fixed-keys.ts";
import {
  agentId,
  clusterId,
  configClaims,
  enrolAnswerClaims,
  iss,
  nonce,
  previousClaims,
  tenantId,
} from "./samples.ts";
import type { Kind } from "./world.ts";

/** Messages of each kind with claims all over their range, for the world of the samples. */
export const anyMessage: { readonly [K in Kind]: fc.Arbitrary<{ claims: object; seal(): Promise<string> }> } = {
  "root-change": anyRootChange().map((claims) => ({ claims, seal: () => sealRootChange(claims, rootKey) })),
  "trust-bundle": anyBundle().map((claims) => ({ claims, seal: () => sealTrustBundle(claims, rootKey) })),
  "agent-identity": anyIdentity().map((claims) => ({ claims, seal: () => sealAgentIdentity(claims, configKey) })),
  "agent-config": anyConfig().map((claims) => ({ claims, seal: () => sealAgentConfig(claims, configKey) })),
  "agent-previous": anyPrevious().map((claims) => ({ claims, seal: () => sealPreviousProof(claims, identityKey) })),
  "agent-enroll": anyEnrolRequest().map((claims) => ({ claims, seal: () => sealEnrolRequest(claims, identityKey) })),
  "agent-enroll-answer": anyEnrolAnswer(await enrolAnswerClaims()).map((claims) => ({
    claims,
    seal: () => sealEnrolAnswer(claims, configKey),
  })),
  "agent-check-in": anyCheckIn().map((claims) => ({ claims, seal: () => sealCheckIn(claims, identityKey) })),
  "agent-answer": anyAnswer().map((claims) => ({ claims, seal: () => sealAnswer(claims, configKey) })),
};

function counter(): fc.Arbitrary<number> {
  return fc.oneof(fc.nat(1000), fc.maxSafeNat());
}

function sha256(): fc.Arbitrary<string> {
  return fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("base64url"));
}

/** Text of any UTF-16 code units, lone surrogates among them. */
export function anyText(maxLength = 40): fc.Arbitrary<string> {
  return fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)), maxLength });
}

/** Text of any script, without control characters and halves of characters. */
function text(maxLength: number): fc.Arbitrary<string> {
  return anyText(maxLength).map((any) => any.replace(/[\p{Cc}\p{Cs}]/gu, "?") || "?");
}

function next() {
  return fc.record({ holdMs: fc.nat(maxHoldMs), afterMs: fc.nat(maxAfterMs) });
}

function anyBundle(): fc.Arbitrary<TrustBundleClaims> {
  const entries = [
    { kid: tokenKey.kid, use: "token" as const, jwk: tokenKey.publicJwk },
    { kid: configKey.kid, use: "config" as const, jwk: configKey.publicJwk },
  ];
  return fc.record({
    iss: fc.constant(iss),
    ver: counter(),
    iat: counter(),
    keys: fc.subarray(entries),
    roots: fc.array(sha256(), { minLength: 1, maxLength: 2 }),
  });
}

/** The first one: no other is the next after none. */
function anyRootChange(): fc.Arbitrary<RootChangeClaims> {
  return fc.record({
    iss: fc.constant(iss),
    ver: fc.constant(1),
    iat: counter(),
    roots: fc.array(sha256(), { minLength: 1, maxLength: 2 }),
  });
}

function anyIdentity(): fc.Arbitrary<AgentIdentity> {
  return fc.record({ iss: fc.constant(iss), sub: fc.uuid(), tid: fc.uuid(), jkt: sha256(), iat: counter() });
}

function anyConfig(): fc.Arbitrary<AgentConfigClaims> {
  const service = fc.stringMatching(/^[!#-+.0-[\]-~][ !#-+.0-[\]-~]{0,253}[!#-+.0-[\]-~]$/);
  const serviceProtection = fc.record(
    {
      on: fc.boolean(),
      liftSeconds: fc.integer({ min: 1, max: 86_400 }),
      singleUse: fc.boolean(),
      requireChallenge: fc.boolean(),
      services: fc.array(service, { maxLength: maxServices }),
    },
    { requiredKeys: ["on", "liftSeconds", "singleUse", "requireChallenge"] },
  );
  const part = fc.nat(99_999);
  const version = fc.tuple(part, part, part).map((numbers) => numbers.join("."));
  const agentPackage = fc.record({
    version,
    sha256: sha256(),
    size: fc.integer({ min: 1, max: maxPackageBytes }),
    path: fc
      .array(fc.stringMatching(/^[A-Za-z0-9._~-]{1,80}$/), { minLength: 1, maxLength: 8 })
      .map((names) => `/${names.join("/")}`),
  });
  const cfg = fc.record(
    {
      serviceProtection,
      desiredVersion: version,
      urls: fc.array(fc.webUrl({ size: "small" }), { minLength: 1, maxLength: maxClusterUrls }),
      packages: fc.array(agentPackage, { maxLength: maxPackages }),
    },
    { requiredKeys: ["serviceProtection"] },
  );
  return fc.record({
    iss: fc.constant(iss),
    sub: fc.constant(agentId),
    tid: fc.constant(tenantId),
    rev: fc.integer({ min: configClaims.rev, max: Number.MAX_SAFE_INTEGER }),
    iat: counter(),
    cfg,
  });
}

function anyFacts(): fc.Arbitrary<EnrolRequest["facts"]> {
  return fc.record({
    hostName: text(255),
    platform: fc.constantFrom(...platforms),
    osVersion: text(255),
    arch: text(255),
    agentVersion: text(255),
    machineId: text(255),
    addresses: fc.array(text(64), { maxLength: 16 }),
  });
}

function anyEnrolRequest(): fc.Arbitrary<EnrolRequest> {
  return fc.record({
    nonce: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString("base64url")),
    requestId: fc.uuid(),
    activationKeyId: fc.uuid(),
    secret: sha256(),
    facts: anyFacts(),
  });
}

function anyPrevious(): fc.Arbitrary<PreviousProof> {
  return fc.constant(previousClaims);
}

function anyEnrolAnswer({ identity, bundle, config }: EnrolAnswer): fc.Arbitrary<EnrolAnswer> {
  return fc.record({
    nonce: fc.constant(nonce),
    iat: counter(),
    agentId: fc.constant(agentId),
    tenantId: fc.constant(tenantId),
    clusterId: fc.constant(clusterId),
    identity: fc.constant(identity),
    bundle: fc.constant(bundle),
    config: fc.constant(config),
    next: next(),
  });
}

function anyEntry(): fc.Arbitrary<JournalEntry> {
  const name = fc.stringMatching(/^[a-z][A-Za-z0-9]{0,39}$/);
  const value = fc.oneof(anyText(255), fc.maxSafeInteger(), fc.boolean());
  return fc.record({
    seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    at: counter(),
    trustedAt: counter(),
    kind: fc.stringMatching(/^[a-z][a-z_]{0,39}$/),
    data: fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true }).filter(fitsJournal),
    prev: sha256(),
  });
}

function anyCheckIn(): fc.Arbitrary<CheckIn> {
  const layer = fc.stringMatching(/^[a-z][a-zA-Z]{0,39}$/);
  const protection = fc.record(
    {
      state: fc.constantFrom(...protectionStates),
      since: counter(),
      budgetLeft: fc.nat(86_400),
      jti: fc.uuid(),
      layers: fc.dictionary(layer, anyText(160), {
        maxKeys: 16,
        noNullPrototype: true,
      }),
    },
    { requiredKeys: ["state", "since", "layers"] },
  );
  const refused = fc.record({ rev: counter(), code: fc.stringMatching(/^[a-z_]{1,40}$/) });
  return fc.record(
    {
      sub: fc.uuid(),
      nonce: fc.constant(nonce),
      boot: counter(),
      n: counter(),
      facts: anyFacts(),
      protection,
      applied: fc.record({ rev: counter(), refused }, { requiredKeys: ["rev"] }),
      bundleVer: counter(),
      journal: fc.record({ id: fc.uuid(), entries: fc.array(anyEntry(), { maxLength: 5 }) }),
    },
    { requiredKeys: ["sub", "nonce", "boot", "n", "protection", "applied", "bundleVer", "journal"] },
  );
}

function anyAnswer(): fc.Arbitrary<Answer> {
  return fc.record(
    {
      sub: fc.constant(agentId),
      nonce: fc.constant(nonce),
      iat: counter(),
      rev: counter(),
      bundleVer: counter(),
      revoked: fc.array(fc.uuid(), { maxLength: 8 }),
      config: fc.stringMatching(/^[A-Za-z0-9_.-]{1,100}$/),
      journalAcked: counter(),
      next: next(),
    },
    { requiredKeys: ["sub", "nonce", "iat", "rev", "bundleVer", "revoked", "journalAcked", "next"] },
  );
}
