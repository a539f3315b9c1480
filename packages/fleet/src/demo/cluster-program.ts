import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The cluster's own program, as an operator starts it. */
const program = join(import.meta.dirname, "../../../cluster/bin/postern.mjs");
const readyWithinMs = 30_000;

/** A cluster that runs as a program of its own. */
export interface ClusterProgram {
  readonly url: string;
  /** Resolves when it has ended, by itself or by {@link stop}. */
  readonly ended: Promise<void>;
  /** What it wrote so far. */
  log(): string;
  stop(): Promise<void>;
}

/** It did not start; the message is what it wrote. */
export class ClusterFailed extends Error {
  override readonly name = "ClusterFailed";
}

/** Starts a new cluster in `folder` and resolves when it is ready. @throws {ClusterFailed} */
export async function startClusterProgram(folder: string, port: number, password: string): Promise<ClusterProgram> {
  const passwordFile = join(folder, "admin-password");
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  const logPath = join(folder, "cluster.log");
  const log = openSync(logPath, "a", 0o600);
  const child = spawn(process.execPath, [program, "serve"], {
    stdio: ["ignore", log, log],
    env: {
      ...withoutPostern(process.env),
      POSTERN_DATA: join(folder, "cluster"),
      POSTERN_LISTEN: `127.0.0.1:${port}`,
      POSTERN_ADMIN_PASSWORD_FILE: passwordFile,
    },
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  if (!(await isReady(url, child))) {
    child.kill("SIGKILL");
    throw new ClusterFailed(`The cluster did not start. It wrote:\n${readFileSync(logPath, "utf8")}`);
  }
  return {
    url,
    ended,
    log: () => readFileSync(logPath, "utf8"),
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** The demo's cluster is to be what it says, whatever else this shell is set up for. */
function withoutPostern(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith("POSTERN_") && !name.startsWith("DATABASE_")),
  );
}

async function isReady(url: string, child: ChildProcess): Promise<boolean> {
  const giveUpAt = performance.now() + readyWithinMs;
  while (performance.now() < giveUpAt && child.exitCode === null && child.signalCode === null) {
    const status = await fetch(`${url}/readyz`).then(
      (response) => response.status,
      () => 0,
    );
    // Something else may answer there while ours finds the port taken and ends.
    if (status === 200 && child.exitCode === null) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}
