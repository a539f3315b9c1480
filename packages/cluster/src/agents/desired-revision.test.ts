import { expect, test } from "vitest";
import { desiredRevision } from "./desired-revision.ts";

const sources = { profileChangedAt: 1_000, assignedAt: 400, revisionLead: 0 };

test.each([
  { name: "the profile's change", profileChangedAt: 1_000, assignedAt: 400, rev: 1_000 },
  { name: "the assignment's change", profileChangedAt: 400, assignedAt: 1_000, rev: 1_000 },
])("is the newest of the two: $name", ({ profileChangedAt, assignedAt, rev }) => {
  expect(desiredRevision({ profileChangedAt, assignedAt, revisionLead: 0 }, 0).rev).toBe(rev);
});

test("stays when the agent has applied exactly this one", () => {
  expect(desiredRevision(sources, 1_000)).toEqual({ rev: 1_000, revisionLead: 0 });
});

test("passes a higher one that the agent reports, and settles once that is applied", () => {
  const led = desiredRevision(sources, 5_000);
  expect(led).toEqual({ rev: 5_001, revisionLead: 4_001 });
  expect(desiredRevision({ ...sources, revisionLead: led.revisionLead }, 5_001)).toEqual(led);
});

test("rises with a later change although the agent was led past the clock", () => {
  const { rev, revisionLead } = desiredRevision(sources, 5_000);
  expect(desiredRevision({ ...sources, profileChangedAt: 1_001, revisionLead }, rev).rev).toBe(5_002);
});

test("does not follow a report that leaves no room for further changes", () => {
  expect(desiredRevision(sources, Number.MAX_SAFE_INTEGER)).toEqual({ rev: 1_000, revisionLead: 0 });
});
