import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "postject";
import { BuildError } from "./dependencies.ts";
import { neutralise } from "./neutralise.ts";
import { withoutSignature, withSectionsOnPages } from "./portable-executable.ts";
import type { Runtime } from "./runtime.ts";

interface Recipe {
  readonly code: string;
  readonly version: string;
  readonly runtime: Runtime;
  readonly executable: string;
  readonly neutralised: boolean;
  readonly agentFolder: string;
}

/**
 * What Node is told before the first line of the agent, from within the executable.
 *
 * - `--disable-sigusr1`: no other process can open the inspector. Node would else offer a shared mapping by the process's
 *   id (`node-debug-handler-<pid>`) with the address of a function that opens one, for whoever may start a thread here.
 * - `--jitless`: no memory that is both written and executed, for whoever might get to write into it; and a tenth less
 *   memory, since the compilers are never touched. An agent has nothing to compute that would want them.
 * - `--no-expose-wasm`: cannot be had without a compiler; said here, Node does not warn of it at each start.
 * - `--v8-pool-size=1`: an agent at rest has no use for four threads that compile and collect garbage.
 */
const nodeArguments = ["--disable-sigusr1", "--jitless", "--no-expose-wasm", "--v8-pool-size=1"];

/** Node's documented mark of a single executable application; postject flips the character behind it. */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/**
 * Node for Windows with the agent's code inside: signature off (it would no longer be true), variables neutralised,
 * blob injected. Written beside its place and renamed, so that an interrupted build leaves no half of one.
 *
 * @throws {BuildError}
 */
export async function makeExecutable(recipe: Recipe): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "postern-build-"));
  const unfinished = `${recipe.executable}.unfinished`;
  try {
    const blob = makeBlob(work, recipe);
    const node = withoutSignature(readFileSync(recipe.runtime.node));
    if (recipe.neutralised) neutralise(node);
    writeFileSync(unfinished, node, { mode: 0o755 });
    await inject(unfinished, "NODE_SEA_BLOB", blob, { sentinelFuse: fuse });
    writeFileSync(unfinished, withSectionsOnPages(readFileSync(unfinished)));
    renameSync(unfinished, recipe.executable);
  } finally {
    rmSync(work, { recursive: true, force: true });
    rmSync(unfinished, { force: true });
  }
}

/**
 * The same program under another version, which has to be as long: what the tests of updates take for the next release,
 * in a fraction of the time that building it takes. It is longer by a byte, as a real one would be by some.
 *
 * @throws {BuildError}
 */
export function asVersion(executable: Buffer, from: string, to: string): Buffer {
  const [before, after] = [versionLine(from), versionLine(to)];
  const at = executable.indexOf(before);
  if (at === -1 || before.length !== after.length || executable.indexOf(before, at + 1) !== -1)
    throw new BuildError(`the executable does not name version ${from} where it should`);
  const changed = Buffer.alloc(executable.length + 1);
  executable.copy(changed);
  changed.write(after, at, "latin1");
  return changed;
}

function versionLine(version: string): string {
  return `const POSTERN_VERSION = ${JSON.stringify(version)};`;
}

/**
 * The blob, with the version in front of the code (`src/release.ts` reads it). Made by the same release of Node
 * that runs it: its layout belongs to the release.
 */
function makeBlob(work: string, { code, version, agentFolder, neutralised }: Recipe): Buffer {
  const node22 = join(agentFolder, "node_modules/.bin/node");
  if (!existsSync(node22))
    throw new BuildError("packages/agent/node_modules has no Node 22 for this platform: build on Linux, after npm ci");
  // Relative names: they end up in the blob, and a stack trace should not show the builder's folders.
  const [main, output, config] = ["agent.cjs", "agent.blob", "sea.json"];
  writeFileSync(join(work, main), `"use strict";\n${versionLine(version)}\n${code}`);
  writeFileSync(
    join(work, config),
    JSON.stringify({
      main,
      output,
      disableExperimentalSEAWarning: true,
      // Code cache and snapshot are bound to the platform that made them, and this one is not Windows.
      useCodeCache: false,
      useSnapshot: false,
      ...(neutralised ? { execArgv: nodeArguments, execArgvExtension: "none" } : {}),
    }),
  );
  execFileSync(node22, ["--experimental-sea-config", config], { cwd: work, stdio: "pipe" });
  return readFileSync(join(work, output));
}
