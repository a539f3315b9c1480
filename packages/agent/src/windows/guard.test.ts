import { expect, test } from "vitest";
import { layeredGuard } from "./guard.ts";

test("one layer that fails is named and stops no other", () => {
  const set: string[] = [];
  const guard = layeredGuard([
    { name: "first", set: (armed) => set.push(`first ${armed}`) },
    {
      name: "second",
      set: () => {
        throw new Error("Windows error 5");
      },
    },
    { name: "third", set: (armed) => set.push(`third ${armed}`) },
  ]);
  expect(guard.arm()).toEqual({ first: "on", second: "failed: Windows error 5", third: "on" });
  expect(guard.disarm()).toEqual({ first: "off", second: "failed: Windows error 5", third: "off" });
  expect(set).toEqual(["first true", "third true", "first false", "third false"]);
});

test("sets the whole wanted state again each time", () => {
  let calls = 0;
  const guard = layeredGuard([{ name: "only", set: () => calls++ }]);
  guard.arm();
  guard.arm();
  expect(calls).toBe(2);
});
