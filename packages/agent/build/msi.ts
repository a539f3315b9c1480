import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BuildError } from "./dependencies.ts";

export interface Package {
  /** Holds the two files that are installed. */
  readonly dist: string;
  readonly out: string;
  readonly version: string;
}

const installer = join(import.meta.dirname, "../installer");

/**
 * Packs the executable and `koffi.node` of `dist` into a Windows Installer package; does nothing when `out` holds the
 * same already.
 *
 * @throws {BuildError} with a sentence for the person who builds
 */
export function buildMsi({ dist, out, version }: Package): void {
  if (!/^\d{1,3}\.\d{1,3}\.\d{1,5}$/.test(version))
    throw new BuildError(`Windows Installer knows versions such as 1.2.3, and compares no more than that: ${version}`);
  const source = join(installer, "agent.wxs");
  const tables = join(installer, "tables.sql");
  const fingerprint = fingerprintOf(
    [source, tables, join(dist, "PosternAgent.exe"), join(dist, "koffi.node")],
    version,
  );
  const remembered = `${out}.sha256`;
  if (existsSync(out) && existsSync(remembered) && readFileSync(remembered, "utf8") === fingerprint) return;
  const unfinished = `${out}.unfinished`;
  try {
    const variables = ["-D", `Version=${version}`, "-D", `ProductCode=${productCode(version)}`];
    run("wixl", ["-a", "x64", ...variables, "-o", unfinished, source], dist);
    for (const statement of statementsOf(readFileSync(tables, "utf8")))
      run("msibuild", [unfinished, "-q", statement], dist);
    renameSync(unfinished, out);
  } finally {
    rmSync(unfinished, { force: true });
  }
  writeFileSync(remembered, fingerprint);
}

/** A GUID that belongs to the version: a UUID of our own making (RFC 9562 §5.8). */
export function productCode(version: string): string {
  const digest = createHash("sha256").update(`Postern Agent ${version}`).digest("hex");
  const parts = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`, `8${digest.slice(17, 20)}`];
  return `{${[...parts, digest.slice(20, 32)].join("-").toUpperCase()}}`;
}

function statementsOf(sql: string): string[] {
  return sql.split("\n").filter((line) => line !== "" && !line.startsWith("--"));
}

function fingerprintOf(files: readonly string[], version: string): string {
  const hash = createHash("sha256").update(version);
  for (const file of [...files, import.meta.filename]) hash.update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

function run(program: string, args: readonly string[], cwd: string): void {
  try {
    execFileSync(program, args, { cwd, stdio: "pipe" });
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: Buffer };
    throw new BuildError(
      code === "ENOENT"
        ? `${program} is missing: apt-get install wixl msitools`
        : `${program} failed: ${stderr?.toString() ?? String(error)}`,
    );
  }
}
