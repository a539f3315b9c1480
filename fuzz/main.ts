import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { randomOf } from "./random.ts";
import { type Finding, type Round, readOnce } from "./round.ts";
import type { Target } from "./target.ts";
import { targets } from "./targets.ts";
import type { Order } from "./worker.ts";

const help = `Usage: npm run fuzz [-- TARGET ...] [--seconds N] [--seed S] [--at RUN] [--input FILE]

Spoils good inputs and makes bad ones, and reads them as the agent and the cluster do. Nothing but the documented
outcomes may come of it: no other exception, nothing that takes a second, no heap over 512 MB.

  --seconds N    for each target (10)
  --seed S       a whole number; the same seed gives the same inputs (the time of day)
  --at RUN       this run of the seed only
  --input FILE   read this file only, as a finding left it

Targets: ${targets.map(({ name }) => name).join(", ")}`;

const heapMb = 512;
const watchMs = 1000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    at: { type: "string" },
    input: { type: "string" },
    help: { type: "boolean" },
  },
});
const chosen = targets.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const [seconds, seed, at] = [Number(values.seconds), Number(values.seed), Number(values.at ?? 0)];
const known = positionals.every((name) => targets.some((target) => target.name === name));
const numbers = seconds > 0 && Number.isSafeInteger(seed) && Number.isSafeInteger(at);
const single = values.input === undefined || chosen.length === 1;
if (values.help || !known || !numbers || !single) {
  console.error(help);
  process.exit(values.help ? 0 : 2);
}

console.log(`seed ${seed}, ${values.at === undefined ? `${seconds} s each` : `run ${at}`}`);
let findings = 0;
for (const target of chosen) findings += (await fuzz(target)) ? 0 : 1;
process.exitCode = findings === 0 ? 0 : 1;

/** True when nothing was found. */
async function fuzz(target: Target): Promise<boolean> {
  if (values.input !== undefined) {
    const { outcome, problem } = readOnce(target, readFileSync(values.input));
    console.log(`${target.name}: ${problem ?? outcome}`);
    return problem === undefined;
  }
  const round = await runApart(target);
  const perSecond = Math.round(round.runs / Math.max(0.001, round.ms / 1000));
  const seen = target.outcomes.filter((outcome) => round.outcomes.has(outcome));
  const missing = target.outcomes.filter((outcome) => !round.outcomes.has(outcome));
  console.log(
    `${target.name}: ${round.runs} runs in ${(round.ms / 1000).toFixed(1)} s, ${perSecond} per second; ` +
      `${seen.length} of ${target.outcomes.length} outcomes${missing.length > 0 ? `, never ${missing.join(", ")}` : ""}`,
  );
  console.log(`  ${[...round.outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(", ")}`);
  if (round.finding) report(target, round.finding);
  return !round.finding;
}

function report(target: Target, { run, input, problem }: Finding): void {
  const file = join(tmpdir(), `postern-fuzz-${target.name}-${seed}-${run}`);
  writeFileSync(file, input);
  console.log(`FOUND in ${target.name}: ${problem}`);
  console.log(`  again: npm run fuzz -- ${target.name} --seed ${seed} --at ${run}`);
  console.log(`  or:    npm run fuzz -- ${target.name} --input ${file}  (${input.length} bytes)`);
}

/** Runs the target in a thread that is watched: one that gets no further, or whose heap is full, is a finding too. */
async function runApart(target: Target): Promise<Round> {
  const progress = new SharedArrayBuffer(8);
  const now = new Int32Array(progress);
  const limits = values.at === undefined ? { runs: 2 ** 31 - 1, ms: seconds * 1000 } : { runs: 1, ms: 600_000 };
  const order: Order = { target: target.name, seed, firstRun: at, progress, ...limits };
  const began = performance.now();
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
  });
  const lost = async (problem: string): Promise<Round> => {
    const run = now[0] ?? 0;
    const finding = { run, input: await target.input(randomOf(seed, run)), problem };
    return { runs: now[1] ?? 0, ms: performance.now() - began, outcomes: new Map(), finding };
  };
  let watch: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Round>((resolve, reject) => {
      let before = -1;
      let still = 0;
      watch = setInterval(() => {
        still = now[1] === before ? still + watchMs : 0;
        before = now[1] ?? 0;
        // Making an input takes its time on a busy machine, and loading more: what is this still, hangs.
        if (still >= (before > 0 ? 20_000 : 120_000)) resolve(lost("hangs"));
      }, watchMs);
      worker.once("message", (round: Round) => resolve(round));
      worker.once("error", (error) => lost(error.message).then(resolve, reject));
    });
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}
