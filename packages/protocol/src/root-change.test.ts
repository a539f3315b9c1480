import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { configKey, rootKey, secondRootKey, tokenKey } from "../vectors/fixed-keys.ts";
import { answerClaims, bundleClaims, iss, sampleWorld } from "../vectors/samples.ts";
import { openAnswer, sealAnswer } from "./check-in.ts";
import { signerOf } from "./ed25519.ts";
import { followRootChanges, pinsOf, sealRootChange } from "./root-change.ts";
import { openTrustBundle, sealTrustBundle } from "./trust-bundle.ts";

const newRoot = () => signerOf(generateKeyPairSync("ed25519").privateKey);
const [second, third, fourth] = [newRoot(), newRoot(), newRoot()];
const iat = bundleClaims.iat;

/** rootKey stays for two changes, so that what it signed in between could be played again. */
const first = await sealRootChange({ iss, ver: 1, iat, roots: [rootKey.kid, second.kid] }, rootKey);
const next = await sealRootChange({ iss, ver: 2, iat, roots: [rootKey.kid, third.kid] }, rootKey);
const last = await sealRootChange({ iss, ver: 3, iat, roots: [fourth.kid, third.kid] }, third);
const chain = [first, next, last];

const pins = (version: number, ...signers: { kid: string }[]) => ({
  version,
  thumbprints: new Set(signers.map(({ kid }) => kid)),
});

describe("root changes lead to the same roots", () => {
  test.each([
    { from: pins(0, rootKey, secondRootKey), of: "who was away for all of them" },
    { from: pins(1, rootKey, second), of: "who was away for the last two" },
    { from: pins(2, rootKey, third), of: "who was away for the last one" },
    { from: pins(3, fourth, third), of: "who knows them all" },
    { from: pinsOf(rootKey.kid), of: "who knows one root of an activation key" },
  ])("of $of", ({ from }) => {
    expect(followRootChanges(chain, from, iss)).toEqual(pins(3, fourth, third));
  });
});

test("an old root change played again moves nothing, although a pinned root signed it", () => {
  expect(followRootChanges([first], pins(2, rootKey, third), iss)).toEqual(pins(2, rootKey, third));
  expect(followRootChanges([first, next], pins(2, rootKey, third), iss)).toEqual(pins(2, rootKey, third));
});

test("from an activation key the way begins at the first change that its root signed", () => {
  expect(followRootChanges(chain, pinsOf(third.kid), iss)).toEqual(pins(3, fourth, third));
  const nowhere = pinsOf(second.kid);
  expect(followRootChanges(chain, nowhere, iss)).toEqual(nowhere);
});

test("a bundle that a pinned root signed needs no way to it, and tells how many changes there were", async () => {
  const bundle = await sealTrustBundle({ ...bundleClaims, roots: [fourth.kid, third.kid], rootChanges: chain }, fourth);
  expect(openTrustBundle(bundle, pinsOf(fourth.kid)).pinned).toEqual(pins(3, fourth, third));
});

test("an agent that was led to new roots takes no bundle of the old ones, whatever its version", async () => {
  const world = await sampleWorld();
  const known = openTrustBundle(world.bundle, pins(0, rootKey, secondRootKey));
  const keys = [{ kid: configKey.kid, use: "config" as const, jwk: configKey.publicJwk }];
  const led = await sealTrustBundle({ ...bundleClaims, ver: 6, keys, roots: [fourth.kid], rootChanges: chain }, fourth);
  const expected = { agentId: world.agentId, nonce: world.nonce };
  const answerWith = (bundle: string) => sealAnswer({ ...answerClaims, bundleVer: 6, bundle }, configKey);

  const { bundle } = openAnswer(await answerWith(led), { ...expected, bundle: known });
  expect(bundle.pinned).toEqual(pins(3, fourth, third));
  for (const old of [rootKey, secondRootKey, second]) {
    const stolen = await sealTrustBundle({ ...bundleClaims, ver: 99, keys }, old);
    const withChain = await sealTrustBundle({ ...bundleClaims, ver: 99, keys, rootChanges: chain }, old);
    for (const message of [stolen, withChain]) {
      const answer = await answerWith(message);
      expect(() => openAnswer(answer, { ...expected, bundle })).toThrow(
        expect.objectContaining({ reason: "unknown_key" }),
      );
    }
  }
  const again = await sealTrustBundle({ ...bundleClaims, ver: 7, keys, roots: [tokenKey.kid] }, third);
  expect(openAnswer(await answerWith(again), { ...expected, bundle }).bundle.pinned).toEqual(pins(3, fourth, third));
});
