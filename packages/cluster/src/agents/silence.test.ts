import { expect, test } from "vitest";
import { silenceOf } from "./silence.ts";

const day = 24 * 60 * 60_000;

test.each([
  { outages: [], days: 10, why: "without outages it is what the clock says" },
  { outages: [[2, 5]], days: 7, why: "an outage does not count" },
  { outages: [[-5, 3]], days: 7, why: "of one that began before, what came after does not count" },
  { outages: [[8, 30]], days: 8, why: "of one that is not over, what has been does not count" },
  { outages: [[-5, -1]], days: 10, why: "one that was over before says nothing" },
  {
    outages: [
      [1, 2],
      [4, 6],
    ],
    days: 7,
    why: "several add up",
  },
])("$why", ({ outages, days }) => {
  const known = outages.map(([from = 0, until = 0]) => ({ from_at: from * day, until_at: until * day }));
  expect(silenceOf(0, known, 10 * day)).toBe(days * day);
});
