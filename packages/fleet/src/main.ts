import { parseArgs } from "node:util";
import { EnrolmentRefused, startFleet, stopAll } from "./fleet.ts";
import { workload } from "./workloads.ts";

const help = `Starts simulated agents in this process and enrols them: real agents behind a guard that only remembers.
They stay until Ctrl-C; each line says what happens on a machine.

  npm run fleet -- --cluster URL --key KEY [--count N] [--from N] [--quiet]

  --cluster URL   the cluster's address
  --key KEY       an activation key with that many uses; - reads it from standard input
  --count N       how many (10); machine number N always has the same name, and every sixth or so runs no Windows
  --from N        the number of the first one (1), to add to those that another process runs
  --quiet         say only how many have enrolled

Example:
  npx postern activation-key create --tenant acme --uses 100 | npm run -s fleet -- --cluster http://127.0.0.1:7480 --key - --count 100
`;

const usage = 2;
const refused = 3;

process.exitCode = await main(process.argv.slice(2));

/** Resolves to the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (options === undefined) return usage;
  if (options.help) {
    process.stdout.write(help);
    return 0;
  }
  const { cluster, count, from, quiet } = options;
  const key = options.key === "-" ? await readAll() : options.key;
  const workloads = Array.from({ length: count }, (_, index) => workload(from - 1 + index));
  const began = performance.now();
  try {
    const tell = (hostName: string, line: string) => {
      if (!quiet) console.log(`${hostName}: ${line}`);
    };
    const agents = await startFleet({ cluster, key, workloads, tell });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const megabytes = Math.round(process.memoryUsage.rss() / 1024 / 1024);
    const stopAsked = new Promise<void>((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
    });
    console.log(`${agents.length} agents have enrolled in ${seconds} s, in ${megabytes} MiB. Ctrl-C ends them.`);
    await stopAsked;
    await stopAll(agents);
    return 0;
  } catch (error) {
    if (!(error instanceof EnrolmentRefused)) throw error;
    console.error(error.message);
    return refused;
  }
}

function readOptions(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        cluster: { type: "string" },
        key: { type: "string" },
        count: { type: "string", default: "10" },
        from: { type: "string", default: "1" },
        quiet: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const { cluster = "", key = "", quiet, help: asked } = values;
    if (!asked && (cluster === "" || key === "")) throw new Error("Give --cluster URL and --key KEY.");
    return {
      cluster,
      key,
      quiet,
      help: asked,
      count: whole("--count", values.count),
      from: whole("--from", values.from),
    };
  } catch (error) {
    console.error(
      `fleet: ${error instanceof Error ? error.message : String(error)}\nnpm run fleet -- --help says more.`,
    );
    return undefined;
  }
}

function whole(flag: string, text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text)) throw new Error(`${flag} takes a whole number, 1 or more.`);
  return Number(text);
}

async function readAll(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk;
  return text;
}
