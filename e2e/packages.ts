import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentFolder, distFolder } from "../packages/agent/build/agent.ts";
import { asVersion } from "../packages/agent/build/executable.ts";
import { buildMsi } from "../packages/agent/build/msi.ts";
import manifest from "../packages/agent/package.json" with { type: "json" };
import { judge } from "./judge.ts";

/** What comes after the version that is shipped: the same program under other numbers. */
export const laterVersions = { newer: later(1), newest: later(2) } as const;

/**
 * The Windows Installer packages that tests install, by name. Their tools are programs for Linux: there they are built when
 * they are asked for, on Windows they have to be there.
 */
const builders = {
  /** Ours, as it is shipped. */
  ours: {
    file: "PosternAgent.msi",
    build: () => void execFileSync(process.execPath, [join(agentFolder, "build/build-msi.ts")], { stdio: "pipe" }),
  },
  /** Ours, of a version from before: never installed, so its files are none. */
  older: {
    file: "older.msi",
    build(out: string) {
      const dist = join(distFolder, "older");
      mkdirSync(dist, { recursive: true });
      for (const file of ["PosternAgent.exe", "koffi.node"]) writeFileSync(join(dist, file), "older");
      buildMsi({ dist, out, version: "0.0.1" });
    },
  },
  /** Ours, of the next version, and of the one after it. */
  newer: { file: "newer.msi", build: (out: string) => buildLater("newer", out) },
  newest: { file: "newest.msi", build: (out: string) => buildLater("newest", out) },
  /** Somebody else's, which stops and deletes our service. */
  foreign: {
    file: "foreign.msi",
    build(out: string) {
      const cwd = join(import.meta.dirname, "windows");
      execFileSync("wixl", ["-a", "x64", "-o", out, "foreign.wxs"], { cwd, stdio: "pipe" });
    },
  },
} as const;

function later(by: number): string {
  return manifest.version.replace(/\d+$/, (patch) => String(Number(patch) + by));
}

function buildLater(name: keyof typeof laterVersions, out: string): void {
  const dist = join(distFolder, name);
  const version = laterVersions[name];
  mkdirSync(dist, { recursive: true });
  const program = readFileSync(join(distFolder, "PosternAgent.exe"));
  writeFileSync(join(dist, "PosternAgent.exe"), asVersion(program, manifest.version, version));
  copyFileSync(join(distFolder, "koffi.node"), join(dist, "koffi.node"));
  buildMsi({ dist, out, version });
}

export type PackageName = keyof typeof builders;

export const packageNames = Object.keys(builders) as PackageName[];

/** The package's file on the host. */
export function packageFile(name: PackageName): string {
  const { file, build } = builders[name];
  const out = join(distFolder, file);
  if (judge === "wine") build(out);
  else if (!existsSync(out)) throw new Error(`${out} is missing: bring it from a Linux build (e2e/build-packages.ts)`);
  return out;
}
