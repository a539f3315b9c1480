import type { ChildProcess, StdioOptions } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { devNull } from "node:os";
import { join } from "node:path";
import { eventually } from "./steps.ts";
import type { Finished, RunOptions, Started } from "./windows-machine.ts";

export interface Programs {
  /** Runs a program to its end. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** A program, left running. */
  start(program: string, args: readonly string[]): Started;
}

/** Starts a program of the machine, with these variables beside the machine's own. */
export type Launch = (
  program: string,
  args: readonly string[],
  stdio: StdioOptions,
  env?: Readonly<Record<string, string>>,
) => ChildProcess;

/**
 * Programs whose input and output are files in `folder`: under Wine, Node stops when its output is a pipe, and on Windows nothing
 * is to differ but the loader.
 */
export function programsIn(folder: string, launch: Launch): Programs {
  let runs = 0;
  return {
    run(program, args, options = {}) {
      const output = join(folder, `run-${++runs}`);
      const [out, err] = [openSync(`${output}.out`, "w"), openSync(`${output}.err`, "w")];
      const input = openSync(options.stdinFile ?? devNull, "r");
      const child = launch(program, args, [input, out, err], options.env);
      const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 60_000);
      return new Promise((resolve, reject) => {
        child.on("error", reject);
        child.on("exit", (code) => {
          clearTimeout(timer);
          for (const open of [out, err, input]) closeSync(open);
          const read = (name: string): string => readFileSync(`${output}.${name}`, "utf8");
          resolve({ code: code ?? -1, stdout: read("out"), stderr: read("err") });
        });
      });
    },
    start(program, args) {
      const outputFile = join(folder, `run-${++runs}.out`);
      const out = openSync(outputFile, "w");
      const child = launch(program, args, ["ignore", out, "ignore"]);
      closeSync(out);
      const has = (line: string): boolean => readFileSync(outputFile, "utf8").split(/\r?\n/).includes(line);
      return {
        outputFile,
        async prints(line) {
          await eventually(`${program} prints "${line}"`, 30_000, () => has(line) || undefined);
        },
        end: () => void child.kill("SIGKILL"),
      };
    },
  };
}
