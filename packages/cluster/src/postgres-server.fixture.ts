import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const installed = "/usr/lib/postgresql";

/** A PostgreSQL server of the tests' own, on loopback, with data that goes away with it. */
export interface PostgresServer {
  /** `postgres://USER@HOST:PORT`, without a database. */
  readonly url: string;
  readonly port: number;
  /** Ends it as a crash would ("immediate shutdown"): the next start recovers what was committed from its log. */
  stopAtOnce(): Promise<void>;
  /** Kills the server and every process of it (SIGKILL), so that none of them does anything more. */
  kill(): Promise<void>;
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

/** Where Debian's package puts the newest version's programs, or null when it is not installed. */
export function findPostgres(): string | null {
  if (!existsSync(installed)) return null;
  // The client's package makes such folders, too.
  const [newest] = readdirSync(installed)
    .filter((version) => existsSync(join(installed, version, "bin", "postgres")))
    .sort((a, b) => Number(b) - Number(a));
  return newest === undefined ? null : join(installed, newest, "bin");
}

export interface ServerSettings {
  /** With `fsync`. Without, tests are faster, and only a crash of the machine could lose something. */
  readonly durable?: boolean;
  /** PEM files; without them the server speaks no TLS. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
}

/** Starts a server on a free port. */
export async function startPostgresServer({ durable = false, tls }: ServerSettings = {}): Promise<PostgresServer> {
  const bin = findPostgres();
  if (bin === null) throw new Error("PostgreSQL is not installed: apt-get install postgresql");
  const directory = mkdtempSync(join(tmpdir(), "postern-pg-"));
  chmodSync(directory, 0o700);
  const owner = unprivilegedUser();
  if (owner !== null) chownSync(directory, owner.uid, owner.gid);
  const data = join(directory, "data");
  const options = { ...owner, env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8" }, cwd: directory };
  const initdb = ["-D", data, "-U", "postern", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"];
  // Not the order of bytes, as on most servers: it must not matter.
  initdb.push("--locale-provider=icu", "--icu-locale=en-US");
  execFileSync(join(bin, "initdb"), initdb, { ...options, stdio: "ignore" });
  const port = await freePort();
  const settings = {
    listen_addresses: "127.0.0.1,127.0.0.2",
    unix_socket_directories: "",
    port,
    fsync: durable ? "on" : "off",
  };
  const fast = {
    shared_buffers: "64MB",
    max_connections: 200,
    autovacuum: "off",
    full_page_writes: durable ? "on" : "off",
  };
  const args = Object.entries({ ...settings, ...fast, ...(tls && tlsSettings(tls, directory, owner)) }).flatMap(
    ([name, value]) => ["-c", `${name}=${value}`],
  );
  let log = "";
  let child: ChildProcess;

  async function start(): Promise<void> {
    child = spawn(join(bin ?? "", "postgres"), ["-D", data, ...args], {
      ...options,
      stdio: ["ignore", "ignore", "pipe"],
    });
    await new Promise<void>((resolve, reject) => {
      child.stderr?.on("data", (chunk: Buffer) => {
        log += chunk.toString();
        if (log.includes("ready to accept connections")) resolve();
      });
      child.once("exit", () => reject(new Error(`PostgreSQL did not start:\n${log}`)));
    });
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  await start();
  return {
    url: `postgres://postern@127.0.0.1:${port}`,
    port,
    stopAtOnce: () => end("SIGQUIT"),
    async kill() {
      const backends = childrenOf(child.pid ?? 0);
      const ended = end("SIGKILL"); // first, so that it starts none anew
      for (const pid of backends) killIfThere(pid);
      await ended;
      while (backends.some(isThere)) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    startAgain() {
      log = "";
      return start();
    },
    async stop() {
      await end("SIGQUIT");
      rmSync(directory, { recursive: true });
    },
  };
}

/** The key must belong to who runs the server, and be nobody else's to read. */
function tlsSettings(tls: NonNullable<ServerSettings["tls"]>, directory: string, owner: Owner) {
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  copyFileSync(tls.certFile, cert);
  copyFileSync(tls.keyFile, key);
  chmodSync(key, 0o600);
  if (owner !== null) for (const file of [cert, key]) chownSync(file, owner.uid, owner.gid);
  return { ssl: "on", ssl_cert_file: cert, ssl_key_file: key };
}

/** The processes that another one has started, as Linux tells them. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8")); // a dead one that nobody has asked for yet
  } catch {
    return false;
  }
}

type Owner = { readonly uid: number; readonly gid: number } | null;

/** PostgreSQL refuses to run as root; null when we are not. */
function unprivilegedUser(): Owner {
  if (process.getuid?.() !== 0) return null;
  const idOf = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: idOf("-u"), gid: idOf("-g") };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
