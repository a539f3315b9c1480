import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** A program that npm cannot bring, and the Debian packages that do. */
export interface SystemProgram {
  /** A name on the PATH, or an absolute path in which `*` stands for one folder. */
  readonly program: string;
  readonly debianPackages: readonly string[];
}

/**
 * Sees to it that the programs are there, and returns the names of those that are not.
 *
 * On Debian and Ubuntu as root it installs what is missing, and says so; `POSTERN_NO_INSTALL=1` forbids it.
 */
export function provide(programs: readonly SystemProgram[], env: NodeJS.ProcessEnv): string[] {
  const missing = programs.filter((needed) => !isPresent(needed, env));
  if (missing.length === 0) return [];
  if (mayInstall(env)) install([...new Set(missing.flatMap((needed) => needed.debianPackages))]);
  return missing
    .filter((needed) => !isPresent(needed, env))
    .map((needed) => `${needed.program} (Debian: ${needed.debianPackages.join(" ")})`);
}

function isPresent({ program }: SystemProgram, env: NodeJS.ProcessEnv): boolean {
  if (isAbsolute(program)) return globSync(program).length > 0;
  return (env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
}

function mayInstall(env: NodeJS.ProcessEnv): boolean {
  return env["POSTERN_NO_INSTALL"] !== "1" && existsSync("/etc/debian_version") && process.getuid?.() === 0;
}

function install(packages: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  console.log("installing system packages: bringing the list up to date (POSTERN_NO_INSTALL=1 forbids this)");
  spawnSync("apt-get", ["update", "-qq"], { stdio: ["ignore", "ignore", "inherit"], env });
  for (const name of packages) {
    console.log(`installing system package ${name}`);
    const { status } = spawnSync("apt-get", ["install", "-qq", "-y", "--no-install-recommends", name], {
      stdio: ["ignore", "ignore", "inherit"],
      env,
    });
    if (status !== 0) console.error(`apt-get could not install ${name}; install it by hand and run this again`);
  }
}
