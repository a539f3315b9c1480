import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createIds } from "./ids.ts";

test("ids sort in the order they were made, within one millisecond and when the clock goes back", () => {
  const times = [1_000, 1_000, 1_000, 999, 1_001];
  let index = 0;
  const newId = createIds(() => times[index++] ?? 2_000, randomBytes);
  const ids = times.map(() => newId());
  expect(ids).toEqual([...ids].sort());
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
