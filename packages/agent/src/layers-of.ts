import { messageOf } from "./message-of.ts";
import type { Guard, LayerReport } from "./ports.ts";

/** What a call of the guard reports of the layers; one that throws is a failed one, and it is logged. */
export function layersOf(guard: Guard, call: () => LayerReport, log?: (line: string) => void): LayerReport {
  if (!guard.supported) return {};
  try {
    return call();
  } catch (error) {
    log?.(`guard: ${messageOf(error)}`);
    return { guard: `failed: ${messageOf(error)}` };
  }
}
