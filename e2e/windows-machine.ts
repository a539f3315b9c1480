import { judge } from "./judge.ts";

export interface Finished {
  /** The exit code, under Wine its low byte; -1 when the program was ended for taking too long. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** A file of the host that becomes standard input; nothing unless given. */
  readonly stdinFile?: string;
}

/** A program that is still running. */
export interface Started {
  readonly outputFile: string;
  /** Waits until its output has this line. */
  prints(line: string): Promise<void>;
  end(): void;
}

/** A Windows machine: files, registry, services, and the processes that run on it. */
export interface WindowsMachine {
  /** Where the host's programs, tests among them, find drive C. */
  readonly driveC: string;
  /** How programs on the machine name a file of the host. */
  onWindows(path: string): string;
  /** Runs a program to its end, as an elevated administrator. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** Runs a script of ours on Windows' Node, koffi beside it. `script` is a path of the host. */
  runScript(script: string, args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** A program, left running. */
  startProgram(program: string, args?: readonly string[]): Started;
  /** Such a script, left running. */
  startScript(script: string, args: readonly string[]): Started;
  /** Power off, without a word to any program, and on again: services that start automatically start. Wine only. */
  reboot(whileOff?: () => void): Promise<void>;
  /** Makes somebody who is no administrator the owner of a file of the host. */
  giveAway(path: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * A machine for one test file: a Wine prefix of its own on Linux, the machine itself on Windows.
 *
 * `clockEnv` lets a test set the clock, see `machine-clock.ts`; under Wine only.
 */
export async function windowsMachine(clockEnv: Readonly<Record<string, string>> = {}): Promise<WindowsMachine> {
  if (judge === "windows") return (await import("./windows/this-machine.ts")).thisMachine();
  return (await import("./wine/prefix.ts")).wineMachine(clockEnv);
}
