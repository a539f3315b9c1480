import { spawn } from "node:child_process";
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { devNull, tmpdir } from "node:os";
import { join } from "node:path";
import { agentFolder } from "../../packages/agent/build/agent.ts";
import { installRuntime } from "../../packages/agent/build/runtime.ts";
import { eventually } from "../steps.ts";
import type { Finished, RunOptions, Started, WindowsMachine } from "../windows-machine.ts";

/**
 * The Windows machine that the tests themselves run on, as an elevated administrator.
 *
 * What a test installs there stays, since its protection is what is tried: one machine for one test file, thrown away
 * afterwards. Hence the variable, which nobody sets by accident.
 */
export function thisMachine(): WindowsMachine {
  if (process.env["POSTERN_SPOIL_THIS_MACHINE"] !== "1")
    throw new Error(
      "these tests protect services of this machine for good: set POSTERN_SPOIL_THIS_MACHINE=1 if it may be",
    );
  const folder = mkdtempSync(join(tmpdir(), "postern-windows-"));
  const runtime = installRuntime(join(agentFolder, "windows-runtime"));
  mkdirSync("C:\\tools", { recursive: true });
  const node = "C:\\tools\\node.exe";
  copyFileSync(runtime.node, node);
  copyFileSync(runtime.addon, "C:\\tools\\koffi.node");
  const started = new Set<Started>();
  let runs = 0;

  // Output goes into files as under Wine, so that nothing differs but the loader.
  const run = (program: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> => {
    const output = join(folder, `run-${++runs}`);
    const [out, err] = [openSync(`${output}.out`, "w"), openSync(`${output}.err`, "w")];
    const input = openSync(options.stdinFile ?? devNull, "r");
    const child = spawn(program, args, { env: { ...process.env, ...options.env }, stdio: [input, out, err] });
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
  };

  const start = (program: string, args: readonly string[]): Started => {
    const outputFile = join(folder, `run-${++runs}.out`);
    const out = openSync(outputFile, "w");
    const child = spawn(program, args, { stdio: ["ignore", out, "ignore"] });
    closeSync(out);
    const has = (line: string): boolean => readFileSync(outputFile, "utf8").split(/\r?\n/).includes(line);
    const running: Started = {
      outputFile,
      async prints(line) {
        await eventually(`${program} prints "${line}"`, 30_000, () => has(line) || undefined);
      },
      end: () => void child.kill("SIGKILL"),
    };
    started.add(running);
    return running;
  };

  return {
    driveC: "C:\\",
    onWindows: (path) => path,
    run,
    runScript: (script, args, options) => run(node, [script, ...args], options),
    startProgram: (program, args = []) => start(program, args),
    startScript: (script, args) => start(node, [script, ...args]),
    reboot: () => Promise.reject(new Error("a chapter that restarts the machine is judged by Wine")),
    async giveAway(path) {
      const { code, stdout } = await run("icacls", [path, "/setowner", "Guest"]);
      if (code !== 0) throw new Error(`icacls: ${stdout}`);
    },
    async close() {
      for (const each of started) each.end();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
