import { uptime } from "node:os";
import type { Clock } from "./ports.ts";

/**
 * The only readings of time in the agent. `os.uptime()` is GetTickCount64 on Windows and the boot-time clock on Linux:
 * both count sleep, and neither can be set.
 */
export const clock: Clock = {
  systemNow: () => Date.now(),
  interruptMs: () => Math.round(uptime() * 1000),
};
