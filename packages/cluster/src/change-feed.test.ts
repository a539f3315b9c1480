import { expect, test } from "vitest";
import { type Change, createChangeFeed } from "./change-feed.ts";

function profile(profileId: string): Change {
  return { kind: "profile", tenantId: "t", profileId };
}

test("tells listeners until they leave", () => {
  const feed = createChangeFeed();
  const heard: Change[] = [];
  const leave = feed.changes((change) => heard.push(change));
  feed.publish(profile("a"));
  leave();
  feed.publish(profile("b"));
  expect(heard).toEqual([profile("a")]);
});

test("gives what came after a counter, in order", () => {
  const feed = createChangeFeed();
  feed.publish(profile("a"));
  const before = feed.counter;
  expect(feed.catchUpFrom(before)).toEqual([]);
  feed.publish(profile("b"));
  feed.publish(profile("c"));
  expect(feed.catchUpFrom(before)).toEqual([profile("b"), profile("c")]);
});

test("says that it does not know when too much was missed, or the counter is of another life", () => {
  const feed = createChangeFeed();
  for (let i = 0; i < 1_025; i++) feed.publish(profile("a"));
  expect(feed.catchUpFrom(0)).toBeNull();
  expect(feed.catchUpFrom(1)).toHaveLength(1_024);
  expect(feed.catchUpFrom(2_000)).toBeNull();
});
