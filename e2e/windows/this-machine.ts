import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentFolder } from "../../packages/agent/build/agent.ts";
import { installRuntime } from "../../packages/agent/build/runtime.ts";
import { programsIn } from "../run-to-files.ts";
import type { Started, WindowsMachine } from "../windows-machine.ts";

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
  const programs = programsIn(folder, (program, args, stdio, env) =>
    spawn(program, args, { env: { ...process.env, ...env }, stdio }),
  );
  const { run } = programs;
  const start = (program: string, args: readonly string[]): Started => {
    const running = programs.start(program, args);
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
