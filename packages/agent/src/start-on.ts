import { randomBytes, randomUUID } from "node:crypto";
import { clock } from "./clock.ts";
import { eventReporter } from "./event-log/reporter.ts";
import type { Platform, StopReason } from "./ports.ts";
import { agentVersion, builtAtMs } from "./release.ts";
import { startService } from "./service.ts";
import { nodeFileSystem } from "./store/file-system.ts";

/** Starts the service on a platform, with the machine's own clock, disk and randomness. */
export function startOn(
  platform: Platform,
  log: (line: string) => void,
): Promise<{ onStop(reason: StopReason): Promise<void> }> {
  return startService({
    platform,
    fs: nodeFileSystem,
    clock,
    agentVersion,
    builtAtMs,
    newId: randomUUID,
    randomBytes,
    random: Math.random,
    log,
    events: eventReporter(platform.eventLog, clock, log),
  });
}
