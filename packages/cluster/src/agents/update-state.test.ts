import { expect, test } from "vitest";
import { updateOf } from "./update-state.ts";

const here = new Set(["1.4.0", "1.10.0"]);

test.each([
  { has: "1.3.0", wanted: "1.4.0", state: "updating" },
  { has: "1.9.0", wanted: "1.10.0", state: "updating" },
  { has: "1.3.0", wanted: "1.5.0", state: "waiting_for_package" },
  { has: "1.4.0", wanted: "1.4.0", state: "done" },
  { has: "1.10.0", wanted: "1.4.0", state: "newer" },
  { has: "1.4.0-rc.1", wanted: "1.4.0", state: "updating" },
])("an agent of $has of which $wanted is wanted: $state", ({ has, wanted, state }) => {
  expect(updateOf({ platform: "windows", agentVersion: has }, wanted, here)).toEqual({ desiredVersion: wanted, state });
});

test("is nothing where no version is wanted, and for agents that are not updated by packages", () => {
  expect(updateOf({ platform: "windows", agentVersion: "1.3.0" }, null, here)).toBeNull();
  expect(updateOf({ platform: "linux", agentVersion: "1.3.0" }, "1.4.0", here)).toBeNull();
});
