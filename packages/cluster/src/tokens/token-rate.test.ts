import fc from "fast-check";
import { expect, test } from "vitest";
import type { Problem } from "../http/problems.ts";
import { createTokenRate } from "./token-rate.ts";

function rateAt(perMinute: number) {
  const clock = { at: 1_000_000 };
  const rate = createTokenRate(perMinute, () => clock.at);
  const refusal = (userId = "olga"): Problem | null => {
    try {
      rate.spend(userId);
      return null;
    } catch (error) {
      return error as Problem;
    }
  };
  return { clock, refusal };
}

test("a minute's worth is given at once, and not one more", () => {
  const { refusal } = rateAt(60);
  for (let n = 0; n < 60; n++) expect(refusal()).toBeNull();
  expect(refusal()).toMatchObject({ code: "token_rate_limited", status: 429, headers: { "retry-after": "1" } });
  expect(refusal()?.message).toBe(
    "You were given 60 agent tokens within a minute, which is as many as one user may have. Wait 1 s.",
  );
});

test("after the time in Retry-After there is one more, and only one", () => {
  const { clock, refusal } = rateAt(6);
  for (let n = 0; n < 6; n++) refusal();
  const seconds = Number(refusal()?.headers["retry-after"]);
  expect(seconds).toBe(10);
  clock.at += seconds * 1000;
  expect(refusal()).toBeNull();
  expect(refusal()).not.toBeNull();
});

test("each user has his own", () => {
  const { refusal } = rateAt(1);
  expect(refusal("olga")).toBeNull();
  expect(refusal("bert")).toBeNull();
  expect(refusal("olga")).not.toBeNull();
});

test("a clock that goes back keeps nobody waiting", () => {
  const { clock, refusal } = rateAt(1);
  refusal();
  clock.at -= 3_600_000;
  expect(refusal()).toBeNull();
  expect(refusal()).not.toBeNull();
});

test("whatever the pauses, no minute has more than twice the rate, and no hour more than its minutes and one", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4_000 }), { minLength: 50, maxLength: 400 }), (pauses) => {
      const { clock, refusal } = rateAt(10);
      const given: number[] = [];
      for (const pause of pauses) {
        clock.at += pause;
        if (refusal() === null) given.push(clock.at);
      }
      for (const [index, from] of given.entries()) {
        const within = given.slice(index).filter((at) => at < from + 60_000).length;
        expect(within).toBeLessThanOrEqual(20);
      }
      const minutes = (clock.at - 1_000_000) / 60_000;
      expect(given.length).toBeLessThanOrEqual(Math.ceil(10 * (minutes + 1)));
    }),
    { numRuns: 100 },
  );
});
