import { setTimeout as pause } from "node:timers/promises";
import type { Api } from "./api.ts";
import { CommandFailed, exitCodes } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

/** Between two attempts; as long as browsers wait. */
const retryMs = 3_000;

/**
 * Calls `look` at once and whenever the cluster says that one of these things has happened, or that something may have
 * been missed. A lost connection is made again.
 *
 * @throws {CommandFailed} 3: the log-in has ended, or was none
 */
export async function followStream(
  terminal: Terminal,
  api: Api,
  names: readonly string[],
  look: () => Promise<void>,
): Promise<never> {
  const wakes = new Set([...names, "hello", "resync"]);
  for (let isFirst = true; ; isFirst = false) {
    if (!isFirst) await pause(retryMs);
    try {
      await readOnce(api, wakes, look);
      terminal.say("The cluster has ended the connection; trying again.\n");
    } catch (error) {
      const isLost = error instanceof CommandFailed && error.exitCode === exitCodes.unreachable;
      if (!isLost || isFirst) throw error;
      terminal.say("The cluster does not answer; trying again.\n");
    }
  }
}

async function readOnce(api: Api, wakes: ReadonlySet<string>, look: () => Promise<void>): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  const headers = { accept: "text/event-stream" };
  await api.download("/stream", { headers }, async (piece) => {
    rest += decoder.decode(piece, { stream: true });
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    const happened = blocks.map((block) => /^event: (.*)$/m.exec(block)?.[1] ?? "");
    if (happened.some((name) => wakes.has(name))) await look();
    if (blocks.some((block) => block.includes('"session_ended"'))) {
      throw new CommandFailed(exitCodes.refused, "Your log-in has ended.", ["Run postern login again."]);
    }
  });
}
