import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { provide, type SystemProgram } from "./system-programs.ts";
import { addCounts, type Counts, readVitestCounts } from "./vitest-counts.ts";

/** One part of the whole test run. A step that needs programs which cannot be had is skipped, or failed in CI. */
interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** Counts come from Vitest's report; without it the step itself is one check. */
  readonly vitest?: true;
  readonly needs?: readonly SystemProgram[];
}

const node = process.execPath;
const vitest = "node_modules/vitest/vitest.mjs";
const agentNode = "packages/agent/node_modules/.bin/node";
const wine: readonly SystemProgram[] = [
  { program: "/usr/lib/wine/wine64", debianPackages: ["wine", "wine64"] },
  { program: "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", debianPackages: ["libfaketime"] },
  { program: "wixl", debianPackages: ["wixl"] },
  { program: "msibuild", debianPackages: ["msitools"] },
  { program: "osslsigncode", debianPackages: ["osslsigncode"] },
  { program: "openssl", debianPackages: ["openssl"] },
];
const chromium: readonly SystemProgram[] = [{ program: "chromium", debianPackages: ["chromium"] }];
const postgres: readonly SystemProgram[] = [
  { program: "/usr/lib/postgresql/*/bin/postgres", debianPackages: ["postgresql"] },
];

const softHsm: readonly SystemProgram[] = [
  { program: "/usr/lib/softhsm/libsofthsm2.so", debianPackages: ["softhsm2"] },
];

const steps: readonly Step[] = [
  { name: "format and lint", command: ["biome", "check", "--error-on-warnings", "."] },
  { name: "types", command: ["npm", "run", "--silent", "types"] },
  { name: "unit tests", command: [node, vitest, "run"], vitest: true },
  {
    name: "unit tests of the agent's parts on the Node it ships",
    command: [agentNode, vitest, "run", "packages/token", "packages/protocol", "packages/agent"],
    vitest: true,
  },
  {
    name: "the cluster on SQLite",
    command: ["npm", "run", "--silent", "test:sqlite", "--"],
    vitest: true,
  },
  {
    name: "whole clusters, started as programs",
    command: ["npm", "run", "--silent", "test:whole", "--"],
    vitest: true,
  },
  {
    name: "simulated agents and the demo, at clusters started as programs",
    command: ["npm", "run", "--silent", "test:fleet", "--"],
    vitest: true,
  },
  {
    name: "keys in a PKCS#11 module",
    command: ["npm", "run", "--silent", "test:pkcs11", "--"],
    vitest: true,
    needs: softHsm,
  },
  {
    name: "the cluster on PostgreSQL",
    command: ["npm", "run", "--silent", "test:postgres", "--"],
    vitest: true,
    needs: postgres,
  },
  {
    name: "the console in a browser",
    command: ["npm", "run", "--silent", "e2e:browser", "--"],
    vitest: true,
    needs: chromium,
  },
  {
    name: "the story on a Windows service under Wine",
    command: ["npm", "run", "--silent", "e2e:wine", "--"],
    vitest: true,
    needs: wine,
  },
];

process.exitCode = await runAll(steps);

/** Runs every step, whatever the ones before it did, and ends in one line of counts. Resolves to the exit code. */
async function runAll(all: readonly Step[]): Promise<number> {
  const reports = mkdtempSync(join(tmpdir(), "postern-test-"));
  const notes: string[] = [];
  let total: Counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    for (const [index, step] of all.entries()) {
      console.log(`\n== ${step.name}`);
      const started = performance.now();
      const counts = await runStep(step, join(reports, `${index}.json`), notes);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(`== ${step.name}: ${formatCounts(counts)} in ${seconds} s`);
      if (counts.failed > 0) notes.push(`failed: ${step.name}`);
      total = addCounts(total, counts);
    }
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
  console.log(`\n${[...notes, formatCounts(total)].join("\n")}`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

async function runStep(step: Step, reportPath: string, notes: string[]): Promise<Counts> {
  const missing = provide(step.needs ?? [], process.env);
  if (missing.length > 0) {
    notes.push(`not run: ${step.name}; missing: ${missing.join(", ")}`);
    return process.env["CI"] === "true" ? { passed: 0, failed: 1, skipped: 0 } : { passed: 0, failed: 0, skipped: 1 };
  }
  const report = step.vitest ? ["--reporter=default", "--reporter=json", `--outputFile.json=${reportPath}`] : [];
  const ok = await succeeds([...step.command, ...report]);
  if (!step.vitest) return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
  return readVitestCounts(reportPath, ok);
}

function succeeds([program, ...args]: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program ?? "", args, { stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", (error) => {
      console.error(`${program} could not be started: ${error.message}`);
      resolve(false);
    });
    child.on("close", (code) => resolve(code === 0));
  });
}

function formatCounts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
