import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readVitestCounts } from "./vitest-counts.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-counts-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function report(counts: Record<string, number>): string {
  const path = join(folder, "report.json");
  writeFileSync(path, JSON.stringify(counts));
  return path;
}

test.each([
  ["a good run", { numPassedTests: 3 }, true, false, { passed: 3, failed: 0, skipped: 0 }],
  [
    "skipped tests outside CI",
    { numPassedTests: 3, numPendingTests: 2 },
    true,
    false,
    { passed: 3, failed: 0, skipped: 2 },
  ],
  ["skipped tests in CI", { numPassedTests: 3, numTodoTests: 2 }, true, true, { passed: 3, failed: 2, skipped: 0 }],
  ["a failure outside any test", { numPassedTests: 3 }, false, false, { passed: 3, failed: 1, skipped: 0 }],
  ["a run without a test", {}, true, false, { passed: 0, failed: 1, skipped: 0 }],
])("counts %s", (_, counts, ok, ci, expected) => {
  expect(readVitestCounts(report(counts), ok, ci)).toEqual(expected);
});

test("a run that died before its report is a failure", () => {
  expect(readVitestCounts(join(folder, "absent.json"), false, false)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});
