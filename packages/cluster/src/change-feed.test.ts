import { expect, test } from "vitest";
import { type Change, createLocalFeed } from "./change-feed.ts";

function profile(profileId: string): Change {
  return { kind: "profile", tenantId: "t", profileId };
}

test("tells listeners until they leave", () => {
  const feed = createLocalFeed();
  const heard: Change[] = [];
  const leave = feed.changes((change) => heard.push(change));
  feed.tell(profile("a"));
  leave();
  feed.tell(profile("b"));
  expect(heard).toEqual([profile("a")]);
});

test("gives what came after a counter, in order", () => {
  const feed = createLocalFeed();
  feed.tell(profile("a"));
  const before = feed.counter;
  expect(feed.catchUpFrom(before)).toEqual([]);
  feed.tell(profile("b"));
  feed.tell(profile("c"));
  expect(feed.catchUpFrom(before)).toEqual([profile("b"), profile("c")]);
});

test("says that it does not know when too much was missed, or the counter is of another life", () => {
  const feed = createLocalFeed();
  for (let i = 0; i < 1_025; i++) feed.tell(profile("a"));
  expect(feed.catchUpFrom(0)).toBeNull();
  expect(feed.catchUpFrom(1)).toHaveLength(1_024);
  expect(feed.catchUpFrom(2_000)).toBeNull();
});
