import { expect, test } from "vitest";
import { alarmLimits } from "./limits.ts";
import { longestRowOfRefusals, type RowEntry } from "./refusals.ts";

const minute = 60_000;
const refused = (atMinute: number, unrecorded = 0): RowEntry => ({
  kind: "refused",
  trustedAt: atMinute * minute,
  unrecorded,
});
const redeemed: RowEntry = { kind: "redeemed", trustedAt: 0, unrecorded: 0 };

test("counts refusals that come one after the other", () => {
  expect(longestRowOfRefusals([refused(0), refused(1), refused(2)], 3)).toBe(3);
});

test("a token that was taken ends the row", () => {
  expect(longestRowOfRefusals([refused(0), refused(1), redeemed, refused(2)], 4)).toBe(2);
});

test("a row that had ended is seen although a token was taken at last", () => {
  expect(longestRowOfRefusals([refused(0), refused(1), refused(2), redeemed], 4)).toBe(3);
});

test("what lies further apart than the window is no row", () => {
  const windowMinutes = alarmLimits.refusalWindowMs / minute;
  expect(longestRowOfRefusals([refused(0), refused(windowMinutes), refused(2 * windowMinutes)], 3)).toBe(1);
  expect(longestRowOfRefusals([refused(0), refused(windowMinutes - 1)], 2)).toBe(2);
});

test("refusals that the agent only counted are counted", () => {
  expect(longestRowOfRefusals([refused(0, 40), refused(1)], 2)).toBe(42);
});

test("a row is told when a fresh entry makes it longer, not again and again", () => {
  expect(longestRowOfRefusals([refused(0), refused(1), refused(2)], 1)).toBe(3);
  expect(longestRowOfRefusals([refused(0), refused(1), refused(2), redeemed], 1)).toBe(0);
});
