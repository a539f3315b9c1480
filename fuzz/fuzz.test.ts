import { describe, expect, test } from "vitest";
import { fuzzRound, readOnce } from "./round.ts";
import type { Target } from "./target.ts";
import { targets } from "./targets.ts";

/** A short round of the same inputs each time; `npm run fuzz` goes on from here. */
const seed = 1;
const msEach = 80;
const runsEach = 400;

describe("spoiled input", () => {
  test.each(targets.map((target) => [target.name, target] as const))("%s: ends as documented", async (_, target) => {
    const { finding, runs } = await fuzzRound(target, seed, 0, (done, ms) => done >= runsEach || ms >= msEach);
    expect(finding?.problem, `run ${finding?.run} of seed ${seed}`).toBeUndefined();
    expect(runs).toBeGreaterThan(0);
  });

  test.each(targets.map((target) => [target.name, target] as const))(
    "%s: is the same for a seed",
    async (_, target) => {
      const inputs = async () => {
        const made: string[] = [];
        const read = (input: Uint8Array) => {
          made.push(Buffer.from(input).toString("hex"));
          return "seen";
        };
        await fuzzRound({ ...target, read, outcomes: ["seen"] }, 7, 3, (runs) => runs >= 5);
        return made;
      };
      expect(await inputs()).toStrictEqual(await inputs());
    },
  );
});

describe("what is found", () => {
  const target: Target = {
    name: "sample",
    outcomes: ["fine"],
    input: async () => Buffer.from("x"),
    read: () => "fine",
  };

  test.each([
    [
      "an exception",
      () => {
        throw new RangeError("stack");
      },
      /RangeError: stack/,
    ],
    ["an outcome that nobody documented", () => "odd", /odd is not documented/],
  ])("%s", (_, read, problem) => {
    expect(readOnce({ ...target, read }, Buffer.from("x")).problem).toMatch(problem);
  });

  test("ends the round, with the run and the input", async () => {
    let runs = 0;
    const third: Target = { ...target, read: () => (++runs === 3 ? "odd" : "fine") };
    const { finding } = await fuzzRound(third, 1, 10, () => false);
    expect(finding).toMatchObject({ run: 12, input: Buffer.from("x") });
  });
});
