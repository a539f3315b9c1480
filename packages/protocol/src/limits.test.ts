import { generateKeyPairSync } from "node:crypto";
import { type Signer, signCompact } from "@postern/token";
import { describe, expect, test } from "vitest";
import { configKey, identityKey, rootKey } from "../vectors/fixed-keys.ts";
import {
  answerClaims,
  bundleClaims,
  checkInClaims,
  configClaims,
  enrolAnswerClaims,
  enrolRequest,
  fullConfigClaims,
  identityClaims,
  previousClaims,
  rootChangeClaims,
  sampleWorld,
} from "../vectors/samples.ts";
import { type Kind, openers } from "../vectors/world.ts";
import { type AgentConfigClaims, sealAgentConfig } from "./agent-config.ts";
import { type Answer, type CheckIn, sealAnswer, sealCheckIn } from "./check-in.ts";
import { signerOf } from "./ed25519.ts";
import { sealEnrolAnswer, sealEnrolRequest } from "./enrolment.ts";
import type { JournalEntry } from "./journal.ts";
import {
  maxAddresses,
  maxAfterMs,
  maxBodyBytes,
  maxBundleKeys,
  maxClusterUrlChars,
  maxClusterUrls,
  maxEnrolRequestChars,
  maxHoldMs,
  maxIdentityChars,
  maxJournalDataBytes,
  maxJournalEntries,
  maxLayers,
  maxMessageChars,
  maxPackageBytes,
  maxPackages,
  maxPartChars,
  maxPreviousChars,
  maxReportedNameChars,
  maxRevoked,
  maxRootChangeChars,
  maxRootChanges,
  maxServices,
} from "./limits.ts";
import { pinsOf, sealRootChange } from "./root-change.ts";
import { openTrustBundle, sealTrustBundle } from "./trust-bundle.ts";

const world = await sampleWorld();
const enrolAnswer = await enrolAnswerClaims();
const most = Number.MAX_SAFE_INTEGER;

const samples: Record<Kind, { claims: object; signer: Signer; maxChars: number }> = {
  "root-change": { claims: rootChangeClaims, signer: rootKey, maxChars: maxRootChangeChars },
  "trust-bundle": { claims: bundleClaims, signer: rootKey, maxChars: maxPartChars },
  "agent-identity": { claims: identityClaims, signer: configKey, maxChars: maxIdentityChars },
  "agent-config": { claims: configClaims, signer: configKey, maxChars: maxPartChars },
  "agent-previous": { claims: previousClaims, signer: identityKey, maxChars: maxPreviousChars },
  "agent-enroll": { claims: enrolRequest, signer: identityKey, maxChars: maxEnrolRequestChars },
  "agent-enroll-answer": { claims: enrolAnswer, signer: configKey, maxChars: maxMessageChars },
  "agent-check-in": { claims: checkInClaims, signer: identityKey, maxChars: maxMessageChars },
  "agent-answer": { claims: answerClaims, signer: configKey, maxChars: maxMessageChars },
};

/** Whether a message with these members, signed by whom it should be, is opened. Any refusal must be `malformed`. */
async function opens(kind: Kind, members: object, header: object = {}): Promise<boolean> {
  const { claims, signer } = samples[kind];
  const text = await signCompact(
    { typ: `${kind}+jwt`, jwk: signer.publicJwk, ...header },
    { ...claims, ...members },
    signer,
  );
  return opensText(kind, text);
}

function opensText(kind: Kind, text: string): boolean {
  try {
    openers[kind](text, world);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ name: "MessageRefused", reason: "malformed" });
    return false;
  }
}

const list = <Item>(length: number, item: Item) => Array.from({ length }, () => item);
const names = (length: number) => Array.from({ length }, (_, i) => `a${String.fromCharCode(97 + i)}`);
const facts = (members: object) => ({ facts: { ...enrolRequest.facts, ...members } });
const report = (members: object) => ({ protection: { ...checkInClaims.protection, ...members } });
const applied = (members: object) => ({ applied: { ...checkInClaims.applied, ...members } });
const [entry] = checkInClaims.journal.entries as [JournalEntry];
const journal = (...entries: object[]) => ({
  journal: { ...checkInClaims.journal, entries: entries.map((each) => ({ ...entry, ...each })) },
});
const protection = (members: object) => ({
  cfg: { serviceProtection: { ...configClaims.cfg.serviceProtection, ...members } },
});
const config = (members: object) => ({ cfg: { ...fullConfigClaims.cfg, ...members } });
const packages = (...members: object[]) =>
  config({ packages: members.map((each) => ({ ...fullConfigClaims.cfg.packages[0], ...each })) });
/** Data of exactly so many bytes of JSON, out of characters of two bytes and, to make it even, one. */
const dataOf = (bytes: number) => {
  const left = bytes - Buffer.byteLength('{"a":"","b":""}');
  const wide = "é".repeat(Math.floor(left / 2) + (left % 2) - 1);
  return { data: { a: wide.slice(0, 200), b: wide.slice(200) + "x".repeat(2 - (left % 2)) } };
};

describe.each<[string, Kind, object, object]>([
  [
    "addresses",
    "agent-enroll",
    facts({ addresses: list(maxAddresses, "::1") }),
    facts({ addresses: list(maxAddresses + 1, "::1") }),
  ],
  [
    "characters of an address",
    "agent-enroll",
    facts({ addresses: ["😀".repeat(64)] }),
    facts({ addresses: ["😀".repeat(65)] }),
  ],
  [
    "characters of a host name",
    "agent-enroll",
    facts({ hostName: "😀".repeat(255) }),
    facts({ hostName: "😀".repeat(256) }),
  ],
  [
    "characters of a machine id",
    "agent-check-in",
    facts({ machineId: "x".repeat(255) }),
    facts({ machineId: "x".repeat(256) }),
  ],
  [
    "layers",
    "agent-check-in",
    report({ layers: Object.fromEntries(names(maxLayers).map((name) => [name, "on"])) }),
    report({ layers: Object.fromEntries(names(maxLayers + 1).map((name) => [name, "on"])) }),
  ],
  [
    "characters of a layer",
    "agent-check-in",
    report({ layers: { a: "\n".repeat(160) } }),
    report({ layers: { a: "\n".repeat(161) } }),
  ],
  [
    "reported services",
    "agent-check-in",
    report({ services: list(maxServices, { name: "x", state: "guarded" }) }),
    report({ services: list(maxServices + 1, { name: "x", state: "guarded" }) }),
  ],
  [
    "characters of a reported service's name",
    "agent-check-in",
    report({ services: [{ name: "x".repeat(maxReportedNameChars), state: "guarded" }] }),
    report({ services: [{ name: "x".repeat(maxReportedNameChars + 1), state: "guarded" }] }),
  ],
  [
    "characters of a reported service's state",
    "agent-check-in",
    report({ services: [{ name: "x", state: "s".repeat(30) }] }),
    report({ services: [{ name: "x", state: "s".repeat(31) }] }),
  ],
  [
    "characters of a layer's name",
    "agent-check-in",
    report({ layers: { ["a".repeat(40)]: "on" } }),
    report({ layers: { ["a".repeat(41)]: "on" } }),
  ],
  [
    "services that are guarded too",
    "agent-config",
    protection({ services: list(maxServices, "Sysmon64") }),
    protection({ services: list(maxServices + 1, "Sysmon64") }),
  ],
  [
    "characters of such a service",
    "agent-config",
    protection({ services: ["x".repeat(256)] }),
    protection({ services: ["x".repeat(257)] }),
  ],
  [
    "the numbers of a version",
    "agent-config",
    config({ desiredVersion: "99999.0.99999" }),
    config({ desiredVersion: "100000.0.0" }),
  ],
  [
    "addresses of the cluster",
    "agent-config",
    config({ urls: list(maxClusterUrls, "https://a") }),
    config({ urls: list(maxClusterUrls + 1, "https://a") }),
  ],
  [
    "characters of such an address",
    "agent-config",
    config({ urls: [`https://${"x".repeat(maxClusterUrlChars - 8)}`] }),
    config({ urls: [`https://${"x".repeat(maxClusterUrlChars - 7)}`] }),
  ],
  ["agent packages", "agent-config", packages(...list(maxPackages, {})), packages(...list(maxPackages + 1, {}))],
  ["bytes of a package", "agent-config", packages({ size: maxPackageBytes }), packages({ size: maxPackageBytes + 1 })],
  ["folders to a package", "agent-config", packages({ path: "/x".repeat(8) }), packages({ path: "/x".repeat(9) })],
  ["seconds of budget left", "agent-check-in", report({ budgetLeft: 86_400 }), report({ budgetLeft: 86_401 })],
  [
    "characters of a refusal's code",
    "agent-check-in",
    applied({ refused: { rev: 1, code: "a".repeat(40) } }),
    applied({ refused: { rev: 1, code: "a".repeat(41) } }),
  ],
  [
    "journal entries",
    "agent-check-in",
    journal(...list(maxJournalEntries, {})),
    journal(...list(maxJournalEntries + 1, {})),
  ],
  [
    "bytes of a journal entry's data",
    "agent-check-in",
    journal(dataOf(maxJournalDataBytes)),
    journal(dataOf(maxJournalDataBytes + 1)),
  ],
  [
    "characters of a value in it",
    "agent-check-in",
    journal({ data: { a: "x".repeat(255) } }),
    journal({ data: { a: "x".repeat(256) } }),
  ],
  [
    "characters of a name in it",
    "agent-check-in",
    journal({ data: { ["a".repeat(40)]: 1 } }),
    journal({ data: { ["a".repeat(41)]: 1 } }),
  ],
  ["the exact integers in it", "agent-check-in", journal({ data: { a: -most } }), journal({ data: { a: -most - 1 } })],
  [
    "characters of a journal entry's kind",
    "agent-check-in",
    journal({ kind: "a".repeat(40) }),
    journal({ kind: "a".repeat(41) }),
  ],
  [
    "the exact integers of a journal",
    "agent-check-in",
    journal({ seq: most, at: most, trustedAt: most }),
    journal({ seq: most + 1 }),
  ],
  ["the exact integers of a count", "agent-check-in", { n: most, boot: most }, { n: most + 1 }],
  [
    "revoked tokens",
    "agent-answer",
    { revoked: list(maxRevoked, world.agentId) },
    { revoked: list(maxRevoked + 1, world.agentId) },
  ],
  [
    "milliseconds of holding",
    "agent-answer",
    { next: { holdMs: maxHoldMs, afterMs: 0 } },
    { next: { holdMs: maxHoldMs + 1, afterMs: 0 } },
  ],
  [
    "milliseconds of waiting",
    "agent-answer",
    { next: { holdMs: 0, afterMs: maxAfterMs } },
    { next: { holdMs: 0, afterMs: maxAfterMs + 1 } },
  ],
  [
    "characters of a config in it",
    "agent-answer",
    { config: "x".repeat(maxPartChars) },
    { config: "x".repeat(maxPartChars + 1) },
  ],
  ["seconds of a lift", "agent-config", protection({ liftSeconds: 86_400 }), protection({ liftSeconds: 86_401 })],
])("%s", (_, kind, largest, larger) => {
  test("up to the limit it is opened", async () => {
    expect(await opens(kind, largest)).toBe(true);
  });

  test("past the limit it is refused", async () => {
    expect(await opens(kind, larger)).toBe(false);
  });
});

test("keys of a bundle", async () => {
  const keys = Array.from({ length: maxBundleKeys + 1 }, () => {
    const { publicJwk: jwk, kid } = signerOf(generateKeyPairSync("ed25519").privateKey);
    return { kid, use: "token", jwk };
  });
  expect(await opens("trust-bundle", { keys: keys.slice(1) })).toBe(true);
  expect(await opens("trust-bundle", { keys })).toBe(false);
});

test("the largest bundle, with all the root changes that there can be, is not too long for its kind", async () => {
  let [from, to] = [rootKey, newKey()];
  const rootChanges: string[] = [];
  for (let ver = 1; ver <= maxRootChanges; ver++) {
    rootChanges.push(await sealRootChange({ ...rootChangeClaims, iat: most, ver, roots: [to.kid, rootKey.kid] }, from));
    [from, to] = [to, newKey()];
  }
  const keys = Array.from({ length: maxBundleKeys }, () => {
    const { publicJwk: jwk, kid } = newKey();
    return { kid, use: "config" as const, jwk };
  });
  const roots = [from.kid, rootKey.kid];
  const bundle = await sealTrustBundle({ ...bundleClaims, ver: most, iat: most, keys, roots, rootChanges }, from);
  expect(openTrustBundle(bundle, pinsOf(rootKey.kid)).pinned.version).toBe(maxRootChanges);
});

function newKey(): Signer {
  return signerOf(generateKeyPairSync("ed25519").privateKey);
}

describe.each(Object.entries(samples) as [Kind, (typeof samples)[Kind]][])(
  "%s",
  (kind, { claims, signer, maxChars }) => {
    /** The sample with members that are ignored, so many that it has this length. */
    async function ofLength(length: number): Promise<string> {
      for (const headerFill of ["", "x", "xx"]) {
        const header = { typ: `${kind}+jwt`, jwk: signer.publicJwk, fill: headerFill };
        const bare = (await signCompact(header, { ...claims, fill: "" }, signer)).length;
        for (let fill = Math.floor(((length - bare) * 3) / 4) - 2; fill <= ((length - bare) * 3) / 4 + 2; fill++) {
          const text = await signCompact(header, { ...claims, fill: "x".repeat(fill) }, signer);
          if (text.length === length) return text;
        }
      }
      throw new Error(`no message of ${length} characters`);
    }

    test("is opened up to its greatest length", async () => {
      expect(opensText(kind, await ofLength(maxChars))).toBe(true);
    });

    test("is refused when one character longer", async () => {
      expect(opensText(kind, await ofLength(maxChars + 1))).toBe(false);
    });
  },
);

describe("the largest message of all fits a body", () => {
  const widest = "\u{10ffff}";
  const largestFacts = {
    hostName: widest.repeat(255),
    platform: "windows" as const,
    osVersion: widest.repeat(255),
    arch: widest.repeat(255),
    agentVersion: widest.repeat(255),
    machineId: widest.repeat(255),
    addresses: list(maxAddresses, widest.repeat(64)),
  };
  const largestEntry = {
    seq: most,
    at: most,
    trustedAt: most,
    kind: "k".repeat(40),
    ...dataOf(maxJournalDataBytes),
    prev: identityClaims.jkt,
  };
  const largestCheckIn: CheckIn = {
    ...checkInClaims,
    boot: most,
    n: most,
    facts: largestFacts,
    protection: {
      state: "unsupported",
      since: most,
      budgetLeft: 86_400,
      jti: world.agentId,
      layers: Object.fromEntries(names(maxLayers).map((name) => [name.padEnd(40, "x"), "\u0000".repeat(160)])),
      services: list(maxServices, { name: "x".repeat(maxReportedNameChars), state: "s".repeat(30) }),
    },
    applied: { rev: most, refused: { rev: most, code: "c".repeat(40) } },
    bundleVer: most,
    journal: { ...checkInClaims.journal, entries: list(maxJournalEntries, largestEntry) },
  };
  const part = "x".repeat(maxPartChars);
  const largestAnswer: Answer = {
    ...answerClaims,
    iat: most,
    rev: most,
    bundleVer: most,
    revoked: list(maxRevoked, world.agentId),
    config: part,
    bundle: part,
    journalAcked: most,
    next: { holdMs: maxHoldMs, afterMs: maxAfterMs },
  };

  test("a check-in", async () => {
    const body = JSON.stringify({ request: await sealCheckIn(largestCheckIn, identityKey) });
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(maxBodyBytes);
  });

  test("a check-in with an identity, whose journal waits", async () => {
    const identity = "x".repeat(maxIdentityChars);
    const journal = { ...largestCheckIn.journal, entries: [] };
    const body = JSON.stringify({ request: await sealCheckIn({ ...largestCheckIn, journal, identity }, identityKey) });
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(maxBodyBytes);
  });

  test("an answer with config and bundle", async () => {
    const body = JSON.stringify({ answer: await sealAnswer(largestAnswer, configKey) });
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(maxBodyBytes);
  });

  test("a desired config", async () => {
    const largest: AgentConfigClaims = {
      ...configClaims,
      rev: most,
      cfg: {
        serviceProtection: { ...configClaims.cfg.serviceProtection, services: list(maxServices, "x".repeat(256)) },
        desiredVersion: "99999.99999.99999",
        urls: list(maxClusterUrls, `https://${"x".repeat(maxClusterUrlChars - 8)}`),
        packages: list(maxPackages, {
          version: "99999.99999.99999",
          sha256: identityClaims.jkt,
          size: maxPackageBytes,
          path: `/${"x".repeat(80)}`.repeat(8),
        }),
      },
    };
    expect((await sealAgentConfig(largest, configKey)).length).toBeLessThanOrEqual(maxPartChars);
  });

  test("an enrolment and its answer", async () => {
    const previous = "x".repeat(maxPreviousChars);
    const request = await sealEnrolRequest({ ...enrolRequest, facts: largestFacts, previous }, identityKey);
    expect(request.length).toBeLessThanOrEqual(maxEnrolRequestChars);
    const largest = { ...enrolAnswer, iat: most, identity: "x".repeat(maxIdentityChars), bundle: part, config: part };
    const body = JSON.stringify({ answer: await sealEnrolAnswer(largest, configKey) });
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(maxBodyBytes);
  });

  test("a message of the greatest length, in its envelope", () => {
    const body = JSON.stringify({ request: "x".repeat(maxMessageChars) });
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(maxBodyBytes);
  });
});
