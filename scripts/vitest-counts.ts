import { existsSync, readFileSync } from "node:fs";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function addCounts(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/**
 * What a Vitest run counted, from its JSON report.
 *
 * `ok` is whether Vitest exited with 0: a run that died, or failed outside any test, has at least one failure, and so
 * has one that reported success without a single test. In CI a skipped test is a failed one.
 */
export function readVitestCounts(reportPath: string, ok: boolean, ci = process.env["CI"] === "true"): Counts {
  if (!existsSync(reportPath)) return { passed: 0, failed: 1, skipped: 0 };
  const report = JSON.parse(readFileSync(reportPath, "utf8")) as Record<string, number>;
  const passed = report["numPassedTests"] ?? 0;
  const skipped = (report["numPendingTests"] ?? 0) + (report["numTodoTests"] ?? 0);
  const failed = report["numFailedTests"] ?? 0;
  const atLeast = !ok || passed + failed === 0 ? 1 : 0;
  return ci
    ? { passed, failed: Math.max(failed + skipped, atLeast), skipped: 0 }
    : { passed, failed: Math.max(failed, atLeast), skipped };
}
