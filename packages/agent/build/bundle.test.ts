import { join } from "node:path";
import { expect, test } from "vitest";
import { bundle, packagesOf } from "./bundle.ts";

test("the agent's bundle takes one byte a character: one character beyond ASCII would double it in memory", async () => {
  const { code } = await bundle(join(import.meta.dirname, "../src/main.ts"));
  expect([...code.matchAll(/[^\0-\x7f].{0,40}/g)].map(([found]) => found)).toEqual([]);
  const lines = code.split("\n");
  expect(lines.length).toBeGreaterThan(1_000);
});

test("packages are named by the last folder that they lie in", () => {
  expect(
    packagesOf(["node_modules/a/x.js", "node_modules/a/node_modules/@b/c/y.js", "packages/token/src/z.ts"]),
  ).toEqual(["@b/c", "@postern/token", "a"]);
});
