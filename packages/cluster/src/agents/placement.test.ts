import { expect, test } from "vitest";
import { type Placement, placementAfter } from "./placement.ts";

const protects = (profileId: string) => profileId.startsWith("on");
const free = (profileId: string): Placement => ({ profileId, wouldDrop: null });
const held = (profileId: string, to: string, since: number): Placement => ({
  profileId,
  wouldDrop: { profileId: to, since },
});

test.each<[what: string, current: Placement, resolved: string, cause: "facts" | "edit", after: Placement]>([
  ["facts weaken: held", free("on-1"), "off-1", "facts", held("on-1", "off-1", 9)],
  ["facts strengthen: moved", free("off-1"), "on-1", "facts", free("on-1")],
  ["facts move between protecting profiles: moved", free("on-1"), "on-2", "facts", free("on-2")],
  ["facts move between unprotecting profiles: moved", free("off-1"), "off-2", "facts", free("off-2")],
  ["a user weakens: moved", free("on-1"), "off-1", "edit", free("off-1")],
  ["facts come back: let go", held("on-1", "off-1", 5), "on-1", "facts", free("on-1")],
  ["facts change once more: held since then", held("on-1", "off-1", 5), "off-2", "facts", held("on-1", "off-2", 5)],
  ["a user edits something else: still held", held("on-1", "off-1", 5), "off-1", "edit", held("on-1", "off-1", 5)],
  ["a user edits what it would get: still held", held("on-1", "off-1", 5), "off-2", "edit", held("on-1", "off-2", 5)],
  ["a user protects where it would go: moved", held("on-1", "off-1", 5), "on-2", "edit", free("on-2")],
  ["a user switched its own profile off: moved", held("off-1", "off-2", 5), "off-2", "edit", free("off-2")],
])("%s", (_, current, resolved, cause, after) => {
  expect(placementAfter(current, resolved, protects, cause, 9)).toEqual(after);
});
