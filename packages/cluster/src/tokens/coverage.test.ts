import type { Signer } from "@postern/token";
import { expect, test } from "vitest";
import { chooseTokenKey } from "./choose-key.ts";
import { type AgentGroup, coverageOf } from "./coverage.ts";

/** Bundles 1 to 5 of a cluster that rotated three times, and then withdrew the fourth key. */
const bundles: Readonly<Record<number, string[]>> = {
  1: ["config", "k1"],
  2: ["config", "k1", "k2"],
  3: ["config", "k2", "k3"],
  4: ["config", "k3", "k4"],
  5: ["config", "k3", "k5"],
};

function signer(kid: string): Signer {
  return { kid } as Signer;
}

/** The keys of that cluster after these were withdrawn. */
function keysWithout(...withdrawn: string[]) {
  const tokenSigners = ["k5", "k3", "k2", "k1"].filter((kid) => !withdrawn.includes(kid)).map(signer);
  return {
    tokenSigner: signer("k5"),
    tokenSigners,
    keyIdsInBundle: (version: number) => bundles[version] ?? [],
    tokenSignerOf: (kid: string) => tokenSigners.find((one) => one.kid === kid) ?? null,
  };
}

function agents(count: number, bundleVersion: number, requireChallenge = false): AgentGroup {
  return { count, bundleVersion, requireChallenge };
}

test("counts whom a token without a challenge will not reach, each agent once", () => {
  const groups = [agents(5, 5), agents(3, 5, true), agents(2, 0), agents(1, 0, true), agents(4, 1, true)];
  expect(coverageOf(groups, { kid: "k5", answersChallenge: false }, keysWithout())).toEqual({
    agents: 15,
    reached: 5,
    notReached: [
      { reason: "key_not_acknowledged", count: 3 },
      { reason: "other_key_held", count: 4 },
      { reason: "challenge_required", count: 3 },
    ],
  });
});

test("a token that answers a challenge reaches those that demand one", () => {
  expect(coverageOf([agents(5, 5, true)], { kid: "k5", answersChallenge: true }, keysWithout())).toEqual({
    agents: 5,
    reached: 5,
    notReached: [],
  });
});

test("a key that was dropped from the bundle of now reaches those who have only older ones", () => {
  const groups = [agents(1, 1), agents(1, 2), agents(1, 3)];
  const traits = { kid: "k1", answersChallenge: false };
  expect(coverageOf(groups, traits, keysWithout())).toEqual({
    agents: 3,
    reached: 2,
    notReached: [{ reason: "other_key_held", count: 1 }],
  });
});

test("agents that hold only withdrawn keys are said to be out of every token's reach", () => {
  const groups = [agents(7, 1), agents(1, 2), agents(2, 5)];
  const traits = { kid: "k5", answersChallenge: false };
  expect(coverageOf(groups, traits, keysWithout("k1")).notReached).toEqual([
    { reason: "key_withdrawn", count: 7 },
    { reason: "other_key_held", count: 1 },
  ]);
});

test("a bundle that the cluster does not know counts as none", () => {
  const traits = { kid: "k5", answersChallenge: false };
  expect(coverageOf([agents(1, 99)], traits, keysWithout()).notReached).toEqual([
    { reason: "key_not_acknowledged", count: 1 },
  ]);
});

test("nobody is in reach", () => {
  const nobody = { agents: 0, reached: 0, notReached: [] };
  expect(coverageOf([], { kid: "k5", answersChallenge: false }, keysWithout())).toEqual(nobody);
});

test.each([
  { groups: [agents(1, 5)], kid: "k5", why: "the newest that one agent holds" },
  { groups: [agents(1, 4)], kid: "k3", why: "the newest that signs, of an agent whose newest was withdrawn" },
  { groups: [agents(1, 1)], kid: "k1", why: "the only one that an agent holds which was long away" },
  { groups: [agents(9, 5), agents(1, 4)], kid: "k3", why: "the one before, while not everybody has the newest" },
  { groups: [agents(9, 5), agents(2, 1)], kid: "k5", why: "the newest of those that reach most" },
  { groups: [agents(2, 5), agents(9, 1)], kid: "k1", why: "an old one, when most were away since" },
  { groups: [agents(9, 0)], kid: "k5", why: "the active one, when nothing is known" },
  { groups: [], kid: "k5", why: "the active one, for nobody" },
])("signs with $kid: $why", ({ groups, kid }) => {
  expect(chooseTokenKey(keysWithout(), groups).kid).toBe(kid);
});

test("never chooses a withdrawn key, whatever coverage costs", () => {
  expect(chooseTokenKey(keysWithout("k1"), [agents(1, 5), agents(9, 1)]).kid).toBe("k5");
});
