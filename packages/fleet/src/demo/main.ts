import { randomInt } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { stopAll } from "../fleet.ts";
import { ClusterFailed, type ClusterProgram, startClusterProgram } from "./cluster-program.ts";
import { people } from "./company.ts";
import { sendControl, serveControl } from "./control.ts";
import { type Company, furnish } from "./furnish.ts";
import { guide } from "./guide.ts";
import { machineHelp, performMachineCommand } from "./machine-commands.ts";
import { newPassword } from "./password.ts";

const help = `Starts a new cluster with two companies in it: people of every role, some thirty simulated machines, and one that
waits for its token. Prints addresses, log-ins and what to try. Ctrl-C ends everything and removes its data.

  npm run demo -- [--port N] [--data FOLDER] [--password TEXT]

  --port N          where the cluster serves, on this machine only (7480)
  --data FOLDER     where its data lies meanwhile (demo-data); with what an earlier demo left there it begins anew
  --password TEXT   the same password for everybody, instead of one each, for scripts; 15 characters or more

${machineHelp}`;

const usage = 2;
/** In the folder: it is a demo's, that of the process named in it, and may be removed when that has ended. */
const marker = "this-is-a-postern-demo";

// Whoever is interrupted while he sets things up leaves agents behind that would go on trying.
process.exit(await main(process.argv.slice(2)));

/** Resolves to the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const { flags, command } = split(argv);
  const options = readOptions(flags);
  if (options === undefined) return usage;
  const { folder, port, password, help: asked } = options;
  if (asked || command[0] === "help") {
    process.stdout.write(help);
    return 0;
  }
  return command.length > 0 ? askRunning(folder, command) : run(folder, port, password);
}

/** The flags of the demo itself stand before a command; what follows belongs to the command. */
function split(argv: readonly string[]): { flags: string[]; command: string[] } {
  let at = 0;
  while (argv[at]?.startsWith("-")) at += /^--(?:port|data|password)$/.test(argv[at] ?? "") ? 2 : 1;
  return { flags: argv.slice(0, at), command: argv.slice(at) };
}

function readOptions(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        port: { type: "string", default: "7480" },
        data: { type: "string", default: "demo-data" },
        password: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error("--port takes a number up to 65535.");
    return { folder: resolve(values.data), port, password: values.password, help: values.help };
  } catch (error) {
    console.error(`demo: ${error instanceof Error ? error.message : String(error)}\nnpm run demo -- --help says more.`);
    return undefined;
  }
}

async function askRunning(folder: string, command: readonly string[]): Promise<number> {
  const wantsInput = command[0] === "new" || command.includes("-");
  // The demo runs elsewhere than the shell in which somebody names a file.
  const argv = command.map((word, at) => (command[at - 1] === "-file" ? resolve(word) : word));
  const printed = await sendControl(folder, { argv, input: wantsInput ? await readAll() : "" });
  if (printed === undefined) {
    console.error("No demo runs here. Start one with: npm run demo");
    return 1;
  }
  process.stdout.write(printed.out);
  process.stderr.write(printed.err);
  return printed.exitCode;
}

async function run(folder: string, port: number, password: string | undefined): Promise<number> {
  if (existsSync(folder)) {
    const owner = ownerOf(folder);
    if (owner === undefined) {
      console.error(`${folder} is there, and no demo's: nothing was touched. Give another folder with --data.`);
      return usage;
    }
    if (isAlive(owner)) {
      console.error(
        `A demo runs here already, as process ${owner}. End it with Ctrl-C, or give another --data and --port.\n` +
          `If that process is something else: remove ${folder}.`,
      );
      return 1;
    }
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, marker), String(process.pid));
  const passwords = new Map(people.map(({ name }) => [name, password ?? newPassword(randomInt)]));
  const passwordOf = (name: string) => passwords.get(name) ?? "";
  let stopping = false;
  const stopAsked = new Promise<"asked">((resolveStop) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        stopping = true;
        resolveStop("asked");
      });
    }
  });
  let quiet = true;
  const tell = (hostName: string, line: string) => {
    if (!quiet) console.log(`${hostName}: ${line}`);
  };
  let cluster: ClusterProgram | undefined;
  let company: Company | undefined;
  let control: { close(): void } | undefined;
  try {
    console.log("Starting a new cluster …");
    cluster = await startClusterProgram(folder, port, passwordOf("admin"));
    const { url } = cluster;
    console.log("Setting up two companies, their people and their machines …");
    const furnished = await Promise.race([furnish({ url, passwordOf, tell }), stopAsked]);
    if (furnished === "asked") return 0;
    company = furnished;
    control = await serveControl(folder, (request) => performMachineCommand(request, furnished, { url, tell }));
    console.log(guide(url, relative(process.cwd(), folder) || ".", passwordOf));
    quiet = false;
    await Promise.race([stopAsked, cluster.ended]);
    if (!stopping) throw new ClusterFailed(`The cluster has ended by itself. It wrote:\n${cluster.log()}`);
    console.log("Ending …");
    return 0;
  } catch (error) {
    // Ctrl-C in a terminal ends the cluster as well, and what was under way fails by that.
    if (stopping) return 0;
    if (!(error instanceof ClusterFailed)) throw error;
    console.error(error.message);
    return 1;
  } finally {
    quiet = true;
    control?.close();
    await stopAll([...(company?.machines.values() ?? [])].map(({ agent }) => agent));
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The process whose demo this folder is; undefined: it is no demo's. */
function ownerOf(folder: string): number | undefined {
  try {
    return Number(readFileSync(join(folder, marker), "utf8"));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // there, and somebody else's
  }
}

async function readAll(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk;
  return text;
}
