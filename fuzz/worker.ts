/** One target in a thread of its own, so that a hang or a full heap takes nothing else with it. */
import { parentPort, workerData } from "node:worker_threads";
import { fuzzRound } from "./round.ts";
import { targets } from "./targets.ts";

/** What `main.ts` starts this with. */
export interface Order {
  readonly target: string;
  readonly seed: number;
  readonly firstRun: number;
  readonly runs: number;
  readonly ms: number;
  /** The number of the run under way, and 1 more each time one begins. */
  readonly progress: SharedArrayBuffer;
}

const order = workerData as Order;
const target = targets.find(({ name }) => name === order.target);
if (!target) throw new Error(`no target ${order.target}`);
const progress = new Int32Array(order.progress);
const round = await fuzzRound(
  target,
  order.seed,
  order.firstRun,
  (runs, ms) => runs >= order.runs || ms >= order.ms,
  (run) => {
    progress[0] = run;
    progress[1] = (progress[1] ?? 0) + 1;
  },
);
parentPort?.postMessage(round);
