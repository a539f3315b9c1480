import { readSync, writeSync } from "node:fs";
import { type Invocation, parseArguments, UsageError } from "./cli/arguments.ts";
import { exitCodes } from "./cli/exit-codes.ts";
import { runCommand, type Terminal } from "./cli/run.ts";
import { messageOf } from "./message-of.ts";
import type { Platform } from "./ports.ts";
import { defaultDataFolder, posixPlatform } from "./posix/platform.ts";

/** The program: the service with `-service`, otherwise one command to it. Resolves to the exit code. */
export async function program(argv: readonly string[], platformOf = platformFor): Promise<number> {
  try {
    const invocation = parseArguments(argv);
    if (invocation.run !== "service") return await runCommand(invocation, () => platformOf(invocation), terminal);
    const platform = await platformOf(invocation);
    // Loaded here only: a command has no use for it, and somebody waits for the command.
    const { startOn } = await import("./start-on.ts");
    const log = (line: string) => terminal.err(`postern-agent: ${line}\n`);
    await platform.host.run(async () => {
      const service = await startOn(platform, log);
      outliveMistakes(log);
      return service;
    });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`usage: ${error.message}\n`);
      return exitCodes.usage;
    }
    terminal.err(`failed: ${messageOf(error)}\n`);
    return 1;
  }
}

/**
 * From here on an exception that nobody caught is logged and nothing more: a process that ends protects nobody, and takes
 * the only way to lift protection with it. See `docs/decisions/a-mistake-does-not-end-the-service.md`.
 */
function outliveMistakes(log: (line: string) => void): void {
  process.on("uncaughtException", (error: unknown) => {
    log(`unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  });
}

/** The platform this runs on. Windows is loaded there only: it comes with native code. */
async function platformFor(invocation: Invocation): Promise<Platform> {
  if (process.platform !== "win32") return posixPlatform(invocation.dataFolder ?? defaultDataFolder);
  if (invocation.dataFolder !== undefined) throw new UsageError("-data is not for Windows: the folder is fixed there.");
  const { windowsPlatform } = await import("./windows/platform.ts");
  return windowsPlatform();
}

const standardInput = 0;
const standardOutput = 1;
const standardError = 2;

/** Synchronous on purpose: whatever was written is out before the exit code is. */
const terminal: Terminal = {
  out: (text) => write(standardOutput, text),
  err: (text) => write(standardError, text),
  readInput(maxBytes) {
    const buffer = Buffer.alloc(maxBytes);
    let length = 0;
    while (length < maxBytes) {
      const read = readSome(buffer, length);
      if (read === 0) break;
      length += read;
    }
    return buffer.subarray(0, length);
  },
};

function write(file: number, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(file, bytes, written);
    } catch (error) {
      // A pipe that is full for the moment; anything else means that nobody listens, as with a Windows service.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
    }
  }
}

function readSome(buffer: Buffer, offset: number): number {
  for (;;) {
    try {
      return readSync(standardInput, buffer, offset, buffer.length - offset, null);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Windows reports the end of a pipe as an error.
      if (code === "EOF" || code === "EPIPE") return 0;
      if (code !== "EAGAIN") throw new UsageError(`Standard input cannot be read (${code ?? "unknown"}).`);
    }
  }
}
