/**
 * Makes the test vectors beside this file from fixed keys: `node packages/protocol/vectors/generate.ts`.
 *
 * The committed files are normative, and a test holds this program against them: whoever changes what a message means
 * changes both, and sees it in review.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Signer, signCompact } from "@postern/token";
import { formatActivationKey } from "../src/activation-key.ts";
import { journalEntryHash, journalStart } from "../src/journal.ts";
import type { MessageRefusalReason } from "../src/refusal.ts";
import {
  attackerKey,
  configKey,
  identityKey,
  lastRootKey,
  nextConfigKey,
  nextIdentityKey,
  nextRootKey,
  rootKey,
  secondRootKey,
  tokenKey,
} from "./fixed-keys.ts";
import {
  answerClaims,
  bundleClaims,
  checkInClaims,
  clusterId,
  configClaims,
  enrolAnswerClaims,
  enrolRequest,
  fullConfigClaims,
  identityClaims,
  otherId,
  otherNonce,
  previousClaims,
  rootChangeClaims,
  sampleMessages,
  sampleWorld,
} from "./samples.ts";
import { type Kind, kinds } from "./world.ts";

export interface ValidCase {
  kind: Kind;
  name: string;
  message: string;
  opened: unknown;
}

export interface RefusedCase {
  kind: Kind;
  name: string;
  reason: MessageRefusalReason;
  message: string;
}

/** The committed files by name, as text. */
export async function vectorFiles(): Promise<Record<string, string>> {
  const world = await sampleWorld();
  return {
    "valid.json": toText({ world, cases: await validCases() }),
    "refused.json": toText({ world, cases: await refusedCases() }),
    "journal.json": toText(journalVectors()),
    "activation-key.json": toText(activationKeyVectors()),
  };
}

const openedBundle = {
  clusterId,
  version: bundleClaims.ver,
  issuedAt: bundleClaims.iat,
  tokenKeys: [tokenKey.kid],
  configKeys: [configKey.kid],
  roots: bundleClaims.roots,
  pinned: { version: 0, thumbprints: bundleClaims.roots },
};

/** What is pinned after these root changes. */
function pinnedAfter(version: number, thumbprints: readonly string[]) {
  return { pinned: { version, thumbprints } };
}

const openedRootChange = { version: 1, thumbprints: rootChangeClaims.roots };

/** The second change of the roots: of those that the first one names, none is left. */
const secondChangeClaims = { ...rootChangeClaims, ver: 2, roots: [lastRootKey.kid] };

async function validCases(): Promise<ValidCase[]> {
  const samples = await sampleMessages();
  const enrolAnswer = await enrolAnswerClaims();
  const opened: Record<Kind, object> = {
    "root-change": openedRootChange,
    "trust-bundle": openedBundle,
    "agent-identity": identityClaims,
    "agent-config": configClaims,
    "agent-previous": previousClaims,
    "agent-enroll": enrolRequest,
    "agent-enroll-answer": enrolAnswer,
    "agent-check-in": checkInClaims,
    "agent-answer": answerClaims,
  };
  const cases: ValidCase[] = kinds.map((kind) => ({
    kind,
    name: "as it is sent",
    message: samples[kind],
    opened: opened[kind],
  }));
  const add = async (kind: Kind, name: string, claims: object, expected: object, how: How = {}) =>
    cases.push({ kind, name, message: await seal(kind, claims, how), opened: expected });

  for (const kind of kinds) {
    const claims = await claimsOf(kind);
    const more = { ...claims, newer: { any: ["thing"] }, ["__proto__"]: { sub: otherId } };
    await add(kind, "unknown members are ignored and dropped", more, opened[kind], { header: { newer: true } });
    const known = { ...claims, crit: [Object.keys(claims)[0]] };
    await add(kind, "a critical member that everybody knows", known, opened[kind]);
  }

  const { serviceProtection } = configClaims.cfg;
  const deeper = { ...configClaims, cfg: { newer: 1, serviceProtection: { ...serviceProtection, newer: 1 } } };
  await add("agent-config", "unknown members deep inside are dropped", deeper, configClaims);
  const newerConfig = { ...configClaims, rev: configClaims.rev + 1 };
  await add("agent-config", "a newer revision", newerConfig, newerConfig);
  await add("agent-config", "with everything that may be left out", fullConfigClaims, fullConfigClaims);

  const { facts: _, ...withoutFacts } = checkInClaims;
  const quiet = {
    ...withoutFacts,
    protection: { state: "unsupported", since: 0, layers: {} },
    applied: { rev: 0 },
    journal: { ...checkInClaims.journal, entries: [] },
  };
  await add("agent-check-in", "with nothing to tell", quiet, quiet);
  const fromLost = { ...quiet, facts: enrolRequest.facts, identity: samples["agent-identity"] };
  const withKey = { header: { jwk: identityKey.publicJwk } };
  await add("agent-check-in", "to a cluster that has lost the agent, with its identity", fromLost, fromLost, withKey);
  const withPrevious = { ...enrolRequest, previous: samples["agent-previous"] };
  await add("agent-enroll", "with the proof of the identity of before", withPrevious, withPrevious);
  const entries = checkInClaims.journal.entries.map((entry) => ({ ...entry, newer: 1 }));
  await add(
    "agent-check-in",
    "unknown members of a journal entry are dropped",
    { ...checkInClaims, journal: { ...checkInClaims.journal, entries } },
    checkInClaims,
  );

  await add("trust-bundle", "signed by the second root", bundleClaims, openedBundle, { signer: secondRootKey });
  await add(
    "trust-bundle",
    "without keys",
    { ...bundleClaims, keys: [] },
    { ...openedBundle, tokenKeys: [], configKeys: [] },
  );
  const moved = { ...bundleClaims, roots: [attackerKey.kid] };
  await add("trust-bundle", "that names other roots and changes none", moved, {
    ...openedBundle,
    roots: [attackerKey.kid],
  });
  await add("root-change", "signed by the second root", rootChangeClaims, openedRootChange, { signer: secondRootKey });
  const firstChange = samples["root-change"];
  const secondChange = await seal("root-change", secondChangeClaims, { signer: secondRootKey });
  const afterOne = { ...bundleClaims, roots: rootChangeClaims.roots, rootChanges: [firstChange] };
  const ledOnce = { ...openedBundle, roots: rootChangeClaims.roots, ...pinnedAfter(1, rootChangeClaims.roots) };
  await add("trust-bundle", "signed by a root that a root change leads to", afterOne, ledOnce, { signer: nextRootKey });
  await add("trust-bundle", "signed by a root that a root change keeps", afterOne, ledOnce, { signer: secondRootKey });
  const afterTwo = { ...bundleClaims, roots: [lastRootKey.kid], rootChanges: [firstChange, secondChange] };
  await add(
    "trust-bundle",
    "signed by a root that two root changes lead to",
    afterTwo,
    { ...openedBundle, roots: [lastRootKey.kid], ...pinnedAfter(2, [lastRootKey.kid]) },
    { signer: lastRootKey },
  );
  const enrolAfterTwo = {
    ...enrolAnswer,
    bundle: await seal("trust-bundle", afterTwo, { signer: lastRootKey }),
  };
  await add("agent-enroll-answer", "by an activation key of before two root changes", enrolAfterTwo, enrolAfterTwo);

  const withConfig = { ...answerClaims, config: samples["agent-config"] };
  await add("agent-answer", "with a config", withConfig, withConfig);
  const withSame = { ...answerClaims, bundle: samples["trust-bundle"] };
  await add("agent-answer", "with the bundle that is known", withSame, withSame);
  const newerBundle = {
    ...bundleClaims,
    ver: 6,
    keys: [{ kid: nextConfigKey.kid, use: "config", jwk: nextConfigKey.publicJwk }],
  };
  const withNewer = { ...answerClaims, bundleVer: 6, bundle: await seal("trust-bundle", newerBundle) };
  await add("agent-answer", "signed by a key of the newer bundle in it", withNewer, withNewer, {
    signer: nextConfigKey,
  });
  const withRefused = { ...answerClaims, config: "not.a.config" };
  await add("agent-answer", "with a config that is refused by itself", withRefused, withRefused);
  return cases;
}

async function refusedCases(): Promise<RefusedCase[]> {
  const samples = await sampleMessages();
  const cases: RefusedCase[] = [];
  const refused = (kind: Kind, reason: MessageRefusalReason, name: string, message: string) =>
    cases.push({ kind, name, reason, message });
  const add = async (kind: Kind, reason: MessageRefusalReason, name: string, claims: object, how: How = {}) =>
    refused(kind, reason, name, await seal(kind, claims, how));

  // What holds for every kind
  for (const kind of kinds) {
    const claims = await claimsOf(kind);
    const sample = samples[kind];
    const [head = "", , signature = ""] = sample.split(".");
    refused(kind, "malformed", "nothing", "");
    refused(kind, "malformed", "the last byte missing", sample.slice(0, -2));
    refused(kind, "malformed", "white space around it", `${sample}\n`);
    await add(kind, "malformed", "a critical header member that nobody knows", claims, {
      header: { crit: ["x"], x: 1 },
    });
    await add(kind, "malformed", "a critical claim that nobody knows", { ...claims, crit: ["x"], x: 1 });
    await add(kind, "malformed", "an empty crit", { ...claims, crit: [] });
    await add(kind, "malformed", "a list of claims", [claims]);
    const [anyMember = ""] = Object.keys(claims);
    await add(kind, "malformed", `no ${anyMember}`, { ...claims, [anyMember]: undefined });
    await add(kind, "wrong_type", "the type in capitals", claims, { header: { typ: `${kind}+JWT` } });
    await add(kind, "wrong_type", "an agent token's type", claims, { header: { typ: "agent-token+jwt" } });
    await add(kind, "wrong_algorithm", "EdDSA, which leaves the curve open", claims, { signer: { alg: "EdDSA" } });
    await add(kind, "wrong_algorithm", "alg none over a good signature", claims, { signer: { alg: "none" } });
    await add(kind, "unknown_key", "no key id", claims, { signer: { kid: undefined } });
    await add(kind, "unknown_key", "a key id that every object has", claims, { signer: { kid: "__proto__" } });
    await add(kind, "unknown_key", "a list of key ids", claims, { signer: { kid: [usualSigner(kind).kid] } });
    // An enrolment brings its own key: whoever signs it enrols as somebody else, if he has an activation key.
    if (kind !== "agent-enroll") {
      await add(kind, "unknown_key", "an attacker's key", claims, { signer: { ...attackerKey } });
      await add(kind, "unknown_key", "a token key", claims, { signer: { ...tokenKey } });
    }
    await add(kind, "bad_signature", "an attacker's key under the right id", claims, {
      signer: { sign: attackerKey.sign },
    });
    const altered = Buffer.from(JSON.stringify({ ...claims, iat: 1, n: 2 })).toString("base64url");
    refused(kind, "bad_signature", "claims altered", `${head}.${altered}.${signature}`);
  }

  // Trust bundle
  const [tokenEntry, configEntry] = bundleClaims.keys;
  const bundle = (reason: MessageRefusalReason, name: string, members: object, how: How = {}) =>
    add("trust-bundle", reason, name, { ...bundleClaims, ...members }, how);
  const bareHeader = { header: { jwk: undefined } };
  await bundle("malformed", "a known key id given to another key", {
    keys: [tokenEntry, { ...configEntry, jwk: attackerKey.publicJwk }],
  });
  await bundle("malformed", "one key for two uses", { keys: [tokenEntry, { ...tokenEntry, use: "config" }] });
  await bundle("malformed", "one key twice", { keys: [tokenEntry, tokenEntry] });
  await bundle("malformed", "a key for an unknown use", { keys: [{ ...tokenEntry, use: "root" }] });
  await bundle("malformed", "a key of another curve", {
    keys: [{ ...tokenEntry, jwk: { ...tokenKey.publicJwk, crv: "X25519" } }],
  });
  await bundle("malformed", "no roots", { roots: [] });
  await bundle("malformed", "three roots", { roots: [rootKey.kid, secondRootKey.kid, attackerKey.kid] });
  await bundle("malformed", "an issuer that is no cluster", { iss: "postern" });
  await bundle("malformed", "a version that is not whole", { ver: 5.5 });
  await bundle("malformed", "a version past the exact integers", { ver: 2 ** 53 });
  await bundle("unknown_key", "a pinned root's id, without its key", {}, bareHeader);
  await bundle(
    "unknown_key",
    "an unpinned root under a pinned root's id",
    {},
    {
      signer: { ...attackerKey, kid: rootKey.kid },
      header: { jwk: attackerKey.publicJwk },
    },
  );
  await bundle(
    "unknown_key",
    "an unpinned root that calls itself a root",
    { roots: [attackerKey.kid] },
    {
      signer: { ...attackerKey },
      header: { jwk: attackerKey.publicJwk },
    },
  );
  await bundle("unknown_key", "the pinned root's key under an attacker's id", {}, { signer: { kid: attackerKey.kid } });
  await bundle(
    "bad_signature",
    "the pinned root's key and id, signed by an attacker",
    {},
    {
      signer: { sign: attackerKey.sign },
      header: { jwk: rootKey.publicJwk },
    },
  );

  // Root changes
  const change = (reason: MessageRefusalReason, name: string, members: object, how: How = {}) =>
    add("root-change", reason, name, { ...rootChangeClaims, ...members }, how);
  await change("wrong_cluster", "of another cluster", { iss: urn(otherId) });
  await change("root_change_missing", "that is not the next one", { ver: 2 });
  await change("malformed", "that says it is none", { ver: 0 });
  await change("malformed", "to no root", { roots: [] });
  await change("malformed", "to three roots", { roots: [rootKey.kid, secondRootKey.kid, attackerKey.kid] });
  await change("unknown_key", "signed by the root that it brings", {}, { signer: nextRootKey });
  await change("unknown_key", "signed by a config key", {}, { signer: configKey });
  await change("unknown_key", "a pinned root's id, without its key", {}, bareHeader);

  const signedBy = async (signer: Signer, members: object = {}) =>
    seal("root-change", { ...rootChangeClaims, ...members }, { signer });
  const led = async (reason: MessageRefusalReason, name: string, rootChanges: readonly string[], signer: Signer) =>
    bundle(reason, name, { rootChanges, roots: rootChangeClaims.roots }, { signer });
  const good = samples["root-change"];
  await led("unknown_key", "signed by a root that a root change ends", [good], rootKey);
  await led("unknown_key", "led by an attacker's root change", [await signedBy(attackerKey)], nextRootKey);
  await led(
    "unknown_key",
    "led on by a root that the change before ended",
    [good, await signedBy(rootKey, { ver: 2, roots: [lastRootKey.kid] })],
    lastRootKey,
  );
  await led(
    "root_change_missing",
    "with a root change left out",
    [good, await signedBy(nextRootKey, { ver: 3, roots: [lastRootKey.kid] })],
    lastRootKey,
  );
  await led(
    "unknown_key",
    "with the first root change left out",
    [await signedBy(nextRootKey, { ver: 2, roots: [lastRootKey.kid] })],
    lastRootKey,
  );
  await led("bad_signature", "with a root change altered", [`${good.slice(0, -4)}AAAA`], nextRootKey);
  await led(
    "wrong_cluster",
    "led by another cluster's root change",
    [await signedBy(rootKey, { iss: urn(otherId) })],
    nextRootKey,
  );
  await led(
    "wrong_type",
    "with a bundle in a root change's place",
    [samples["agent-identity"].slice(0, 760)],
    nextRootKey,
  );
  await led(
    "malformed",
    "with more root changes than there can be",
    Array.from({ length: 25 }, () => good),
    nextRootKey,
  );

  // Identity
  await add("agent-identity", "wrong_cluster", "of another cluster", { ...identityClaims, iss: urn(otherId) });
  await add("agent-identity", "unknown_key", "signed by the agent itself", identityClaims, { signer: identityKey });

  // Desired config
  const config = (reason: MessageRefusalReason, name: string, members: object) =>
    add("agent-config", reason, name, { ...configClaims, ...members });
  const protection = (members: object) => ({
    cfg: { serviceProtection: { ...configClaims.cfg.serviceProtection, ...members } },
  });
  await config("wrong_cluster", "of another cluster", { iss: urn(otherId) });
  await config("wrong_tenant", "for another tenant", { tid: otherId });
  await config("wrong_subject", "for another agent", { sub: otherId });
  await config("stale_revision", "one revision older", { rev: configClaims.rev - 1 });
  await config("stale_revision", "the first of all revisions", { rev: 0 });
  await config("malformed", "no protection named", { cfg: {} });
  await config("malformed", "protection switched in text", protection({ on: "false" }));
  await config("malformed", "a lift of nothing", protection({ liftSeconds: 0 }));
  await config("malformed", "a lift longer than the longest", protection({ liftSeconds: 86_401 }));
  await config("malformed", "a service by a path", protection({ services: ["..\\PosternAgent"] }));
  await config("malformed", "a service without a name", protection({ services: [""] }));
  await config("malformed", "a service in text", protection({ services: "Sysmon64" }));
  const cfg = (members: object) => ({ cfg: { ...configClaims.cfg, ...members } });
  await config("malformed", "a version that is no three numbers", cfg({ desiredVersion: "1.2" }));
  await config("malformed", "a version with a leading zero", cfg({ desiredVersion: "1.02.3" }));
  await config("malformed", "no address at all", cfg({ urls: [] }));
  await config("malformed", "an address that is no web address", cfg({ urls: ["file:///etc/passwd"] }));
  const [agentPackage] = fullConfigClaims.cfg.packages;
  const onePackage = (members: object) => cfg({ packages: [{ ...agentPackage, ...members }] });
  await config("malformed", "a package by another server", onePackage({ path: "//example.com/agent.msi" }));
  await config("malformed", "a package without its hash", onePackage({ sha256: "" }));
  await config("malformed", "a package of nothing", onePackage({ size: 0 }));
  await config("malformed", "a revision in text", { rev: String(configClaims.rev) });
  await config("malformed", "settings in a list", { cfg: [configClaims.cfg] });

  // Enrolment
  const enrol = (name: string, members: object) =>
    add("agent-enroll", "malformed", name, { ...enrolRequest, ...members });
  const facts = (members: object) => ({ facts: { ...enrolRequest.facts, ...members } });
  await add("agent-enroll", "malformed", "no key in the header", enrolRequest, bareHeader);
  await add("agent-enroll", "malformed", "a key of another curve", enrolRequest, {
    header: { jwk: { ...identityKey.publicJwk, crv: "X25519" } },
  });
  await add("agent-enroll", "unknown_key", "another key in the header than was signed with", enrolRequest, {
    header: { jwk: attackerKey.publicJwk },
  });
  await enrol("a nonce in another spelling", { nonce: `${enrolRequest.nonce.slice(0, -1)}x` });
  await enrol("a short secret", { secret: "hunter2" });
  await enrol("an unknown platform", facts({ platform: "beos" }));
  await enrol("a host name that speaks to terminals", facts({ hostName: "\u001b[2J" }));
  await enrol("a host name with half a character", facts({ hostName: "\ud800" }));
  await enrol("no host name", facts({ hostName: "" }));
  await enrol("a proof of the identity of before that is no text of a message", { previous: "a b" });

  // The proof of the identity of before: for this enrolment, and no other
  const previous = (reason: MessageRefusalReason, name: string, members: object, how: How = {}) =>
    add("agent-previous", reason, name, { ...previousClaims, ...members }, how);
  await previous("wrong_cluster", "for another cluster", { iss: urn(otherId) });
  await previous("wrong_nonce", "of another request", { requestId: otherId });
  await previous("wrong_nonce", "with the nonce of another request", { nonce: otherNonce });
  await previous("wrong_subject", "for another key that enrols", { jkt: attackerKey.kid });
  await previous("wrong_subject", "for the key of before itself", { jkt: identityKey.kid });
  await previous("unknown_key", "signed by the key that enrols", {}, { signer: nextIdentityKey });
  await previous("malformed", "an agent that is none", { sub: "db-07" });

  // The answer to an enrolment: the root vouches for the bundle, the bundle for the rest
  const enrolAnswer = await enrolAnswerClaims();
  const answerTo = (reason: MessageRefusalReason, name: string, members: object, how: How = {}) =>
    add("agent-enroll-answer", reason, name, { ...enrolAnswer, ...members }, how);
  const falseBundle = await seal(
    "trust-bundle",
    {
      ...bundleClaims,
      keys: [{ kid: attackerKey.kid, use: "config", jwk: attackerKey.publicJwk }],
      roots: [attackerKey.kid],
    },
    { signer: attackerKey, header: { jwk: attackerKey.publicJwk } },
  );
  await answerTo(
    "unknown_key",
    "of a false cluster with a root of its own",
    { bundle: falseBundle },
    { signer: attackerKey },
  );
  await answerTo("unknown_key", "of a cluster whose root change the other root signed", {
    bundle: await seal(
      "trust-bundle",
      { ...bundleClaims, rootChanges: [await signedBy(secondRootKey)], roots: rootChangeClaims.roots },
      { signer: nextRootKey },
    ),
  });
  await answerTo("wrong_nonce", "to another request", { nonce: otherNonce });
  await answerTo("wrong_cluster", "names another cluster than its bundle", { clusterId: otherId });
  const identity = async (members: object) => ({
    identity: await seal("agent-identity", { ...identityClaims, ...members }),
  });
  await answerTo("wrong_cluster", "an identity of another cluster", await identity({ iss: urn(otherId) }));
  await answerTo("wrong_tenant", "an identity of another tenant", await identity({ tid: otherId }));
  await answerTo("wrong_subject", "an identity of another agent", await identity({ sub: otherId }));
  await answerTo("wrong_subject", "an identity for another key", await identity({ jkt: attackerKey.kid }));
  await answerTo("wrong_tenant", "another tenant than its identity", { tenantId: otherId });
  await answerTo("wrong_subject", "another agent than its identity", { agentId: otherId });
  const desired = async (members: object) => ({ config: await seal("agent-config", { ...configClaims, ...members }) });
  await answerTo("wrong_subject", "a config for another agent", await desired({ sub: otherId }));
  await answerTo("wrong_tenant", "a config for another tenant", await desired({ tid: otherId }));
  await answerTo("wrong_cluster", "a config of another cluster", await desired({ iss: urn(otherId) }));
  await answerTo("wrong_type", "a config in the identity's place", { identity: samples["agent-config"] });
  await answerTo("wrong_type", "an identity in the bundle's place", { bundle: samples["agent-identity"] });
  await answerTo("malformed", "a part that is no text of a message", { config: "a b" });
  await answerTo("malformed", "held longer than proxies wait", { next: { holdMs: 55_001, afterMs: 0 } });

  // Check-in
  const checkIn = (name: string, members: object) =>
    add("agent-check-in", "malformed", name, { ...checkInClaims, ...members });
  const report = (members: object) => ({ protection: { ...checkInClaims.protection, ...members } });
  const [entry] = checkInClaims.journal.entries;
  const journal = (members: object) => ({
    journal: { id: checkInClaims.journal.id, entries: [{ ...entry, ...members }] },
  });
  await checkIn("an unknown state", report({ state: "asleep" }));
  await checkIn("a layer under a name of another form", report({ layers: { "Service DACL": "on" } }));
  await checkIn("a layer named __proto__", report({ layers: JSON.parse('{"__proto__":"on"}') }));
  await checkIn("a negative budget", report({ budgetLeft: -1 }));
  await checkIn("a journal that starts at nothing", journal({ seq: 0 }));
  await checkIn("a journal entry with data of another form", journal({ data: { nested: {} } }));
  await checkIn("a journal entry with a name of another form", journal({ data: { "a b": 1 } }));
  await checkIn("a journal entry with a number that is not exact", journal({ data: { n: 2 ** 53 } }));
  await checkIn("a journal entry with half a number", journal({ data: { n: 0.5 } }));
  await checkIn("a count in text", { n: "1" });
  await checkIn("a count that falls below nothing", { n: -1 });

  // A check-in to a cluster that has lost the agent: its identity says whose key it is
  const lost = async (reason: MessageRefusalReason, name: string, identity: object, how: How = {}) => {
    const statement = await seal("agent-identity", { ...identityClaims, ...identity });
    const header = { jwk: identityKey.publicJwk };
    await add("agent-check-in", reason, name, { ...checkInClaims, identity: statement }, { header, ...how });
  };
  await lost("malformed", "an identity without the key that it is about", {}, { header: {} });
  await lost("wrong_cluster", "an identity of another cluster", { iss: urn(otherId) });
  await lost("wrong_subject", "another agent's identity", { sub: otherId });
  await lost("wrong_subject", "an identity of another key", { jkt: nextIdentityKey.kid });
  await lost(
    "wrong_subject",
    "another agent's key, under one's own identity",
    {},
    {
      signer: nextIdentityKey,
      header: { jwk: nextIdentityKey.publicJwk },
    },
  );
  await lost(
    "unknown_key",
    "another key in the header than was signed with",
    {},
    {
      header: { jwk: attackerKey.publicJwk },
    },
  );
  await add(
    "agent-check-in",
    "unknown_key",
    "an identity that an attacker signed",
    {
      ...checkInClaims,
      identity: await seal("agent-identity", identityClaims, { signer: attackerKey }),
    },
    { header: { jwk: identityKey.publicJwk } },
  );
  await add(
    "agent-check-in",
    "wrong_type",
    "a desired config in the identity's place",
    {
      ...checkInClaims,
      identity: samples["agent-config"],
    },
    { header: { jwk: identityKey.publicJwk } },
  );

  // Answer
  const answer = (reason: MessageRefusalReason, name: string, members: object, how: How = {}) =>
    add("agent-answer", reason, name, { ...answerClaims, ...members }, how);
  const withBundle = async (members: object, how: How = {}) => ({
    bundle: await seal("trust-bundle", { ...bundleClaims, ...members }, how),
  });
  await answer("wrong_subject", "for another agent", { sub: otherId });
  await answer("wrong_nonce", "to another request", { nonce: otherNonce });
  await answer("stale_bundle", "with a bundle older by one", await withBundle({ ver: 4 }));
  await answer("stale_bundle", "with the first of all bundles", await withBundle({ ver: 0 }));
  await answer(
    "stale_bundle",
    "signed by an ended key, vouched for by the old bundle",
    await withBundle({ ver: 4, keys: [{ kid: nextConfigKey.kid, use: "config", jwk: nextConfigKey.publicJwk }] }),
    { signer: nextConfigKey },
  );
  await answer("wrong_cluster", "with a bundle of another cluster", await withBundle({ iss: urn(otherId), ver: 9 }));
  await answer("unknown_key", "with a bundle of a false root", { bundle: falseBundle }, { signer: attackerKey });
  await answer(
    "unknown_key",
    "signed by a key that the bundle in it ends",
    await withBundle({ ver: 6, keys: [tokenEntry] }),
  );
  await answer("wrong_type", "with a config in the bundle's place", { bundle: samples["agent-config"] });
  await answer("unknown_key", "signed by the agent itself", {}, { signer: identityKey });
  await answer("malformed", "a revoked id of another form", { revoked: ["all"] });
  return cases;
}

function journalVectors(): object {
  const { id, entries } = checkInClaims.journal;
  const odd = {
    seq: 3,
    at: 0,
    trustedAt: Number.MAX_SAFE_INTEGER,
    kind: "drift",
    data: { zulu: 'quoted " \\ \u0000 \u2028 \ud83d\ude00 \ud800', alpha: -1, Beta9: false },
    prev: journalStart(id),
  };
  const ordinary = { ...odd, data: { b: 1, a: "x" } };
  const reordered = { ...odd, data: { a: "x", b: 1 } };
  return {
    start: [{ journalId: id, hash: journalStart(id) }],
    entries: [...entries, { ...odd, data: { zulu: odd.data.zulu, alpha: -1 } }, ordinary, reordered].map((entry) => ({
      entry,
      hash: journalEntryHash(entry),
    })),
  };
}

function activationKeyVectors(): object {
  const key = { id: enrolRequest.activationKeyId, secret: enrolRequest.secret, rootThumbprint: rootKey.kid };
  const text = formatActivationKey(key);
  return {
    valid: [text, ` ${text}\r\n`, `\ufeff${text}`].map((typed) => ({ typed, key })),
    refused: [
      "",
      text.slice(0, -1),
      `${text}A`,
      text.replace("ak1", "ak2"),
      text.toUpperCase(),
      text.replace(".", " "),
      `${text}.x`,
      `${text.slice(0, -1)}${nextSymbol(text.slice(-1))}`,
      text.replace(key.secret, `${key.secret.slice(0, -1)}${nextSymbol(key.secret.slice(-1))}`),
      text.replace(key.id, "3f1c9a52-7b1e-4c58-9d0a-6a3a5a0f0001"),
      `${text}${" ".repeat(512)}x`,
    ],
  };
}

/** How a message departs from the way its sender makes it: other header members, another signer or parts of one. */
interface How {
  header?: Record<string, unknown>;
  signer?: { [Part in keyof Signer]?: unknown };
}

/** Signs any claims as the sender of this kind would, unchecked. */
async function seal(kind: Kind, claims: object, { header = {}, signer = {} }: How = {}): Promise<string> {
  const used = { ...usualSigner(kind), ...signer } as Signer;
  const carriesKey = kind === "trust-bundle" || kind === "root-change" || kind === "agent-enroll";
  const members = { typ: `${kind}+jwt`, ...(carriesKey ? { jwk: used.publicJwk } : {}), ...header };
  return signCompact(members, claims, used);
}

function usualSigner(kind: Kind): Signer {
  if (kind === "trust-bundle" || kind === "root-change") return rootKey;
  const byAgent = kind === "agent-enroll" || kind === "agent-check-in" || kind === "agent-previous";
  return byAgent ? identityKey : configKey;
}

async function claimsOf(kind: Kind): Promise<object> {
  const claims: Record<Kind, object> = {
    "root-change": rootChangeClaims,
    "trust-bundle": bundleClaims,
    "agent-identity": identityClaims,
    "agent-config": configClaims,
    "agent-previous": previousClaims,
    "agent-enroll": enrolRequest,
    "agent-enroll-answer": await enrolAnswerClaims(),
    "agent-check-in": checkInClaims,
    "agent-answer": answerClaims,
  };
  return claims[kind];
}

function urn(clusterId: string): string {
  return `urn:postern:cluster:${clusterId}`;
}

function nextSymbol(symbol: string): string {
  const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return base64url.charAt(base64url.indexOf(symbol) + 1);
}

/** One case a line: a changed vector is a changed line. */
function toText(vectors: object): string {
  const members = Object.entries(vectors).map(([name, value]) => {
    const lines = Array.isArray(value) ? value.map((each) => `    ${JSON.stringify(each)}`).join(",\n") : undefined;
    return `  ${JSON.stringify(name)}: ${lines === undefined ? JSON.stringify(value) : `[\n${lines}\n  ]`}`;
  });
  return `{\n${members.join(",\n")}\n}\n`;
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(await vectorFiles())) {
    writeFileSync(join(import.meta.dirname, name), text);
  }
}
