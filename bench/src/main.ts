import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { formatTable, type Table } from "./table.ts";

const help = `Usage: npm run bench -- WHAT [--rounds N] [--json FILE]

  token   mint and verify per second, beside raw Ed25519 and other libraries
  api     tokens generated per second over HTTP, durable and audited, on both engines, beside oidc-provider
  agent   memory, wakeups and -unprotect of the agent at rest, on Linux and, where there is Wine, as a Windows service
  list    how long any search, filter and sort of 100,000 agents takes over HTTP, on both engines

  --rounds N    how often each contestant has its turn (token: 15 of 100 ms; api: 5 of 2 s; list: 100 requests;
                agent: 7 times -unprotect)
  --json FILE   write the figures there as well

All contestants take turns in one run, since a shared machine is never the same twice: compare the ratios.`;

/** Each is loaded when asked for: what one needs (PostgreSQL, WebAssembly) the others do not. */
const benches: Readonly<Record<string, (rounds: number | undefined) => Promise<Table>>> = {
  token: async (rounds = 15) => (await import("./token-bench.ts")).tokenBench(rounds),
  api: async (rounds = 5) => (await import("./api-bench.ts")).apiBench(rounds),
  agent: async (rounds = 7) => (await import("./agent-bench.ts")).agentBench(rounds),
  list: async (rounds = 100) => (await import("./list-bench.ts")).listBench(rounds),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string" }, json: { type: "string" }, help: { type: "boolean" } },
});
const [what = ""] = positionals;
const bench = Object.hasOwn(benches, what) ? benches[what] : undefined;
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (values.help || !bench || positionals.length !== 1 || (rounds !== undefined && !(rounds >= 1))) {
  console.error(help);
  process.exit(values.help ? 0 : 2);
}

const table = await bench(rounds);
console.log(formatTable(table));
if (values.json) writeFileSync(values.json, `${JSON.stringify({ what, node: process.version, ...table }, null, 2)}\n`);
