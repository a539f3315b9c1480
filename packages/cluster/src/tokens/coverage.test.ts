import { expect, test } from "vitest";
import { coverageOf } from "./coverage.ts";

const groups = [
  { count: 5, holdKey: true, requireChallenge: false },
  { count: 3, holdKey: true, requireChallenge: true },
  { count: 2, holdKey: false, requireChallenge: false },
  { count: 1, holdKey: false, requireChallenge: true },
];

test("counts whom a token without a challenge will not reach, each agent once", () => {
  expect(coverageOf(groups, false)).toEqual({
    agents: 11,
    reached: 5,
    notReached: [
      { reason: "key_not_acknowledged", count: 3 },
      { reason: "challenge_required", count: 3 },
    ],
  });
});

test("a token that answers a challenge reaches those that demand one", () => {
  expect(coverageOf(groups, true)).toEqual({
    agents: 11,
    reached: 8,
    notReached: [{ reason: "key_not_acknowledged", count: 3 }],
  });
});

test("nobody is in reach", () => {
  expect(coverageOf([], false)).toEqual({ agents: 0, reached: 0, notReached: [] });
});
