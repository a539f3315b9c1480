import type { ProtectionReport } from "@postern/protocol";
import type { LayerReport } from "../ports.ts";
import { toSeconds } from "./protection.ts";
import { type AgentState, liftLeftMs } from "./state.ts";

/** The schema's limit for what a layer says of itself. */
const maxLayerChars = 160;

/** Protection as the check-in and `-status` report it. */
export function reportProtection(state: AgentState, supported: boolean, layers: LayerReport): ProtectionReport {
  const { protection } = state;
  const shown = Object.entries(layers).map(([name, layer]) => [name, layer.slice(0, maxLayerChars)] as const);
  const lift = protection.state === "lifted" ? { budgetLeft: toSeconds(liftLeftMs(state)), jti: protection.jti } : {};
  return {
    state: supported ? protection.state : "unsupported",
    since: protection.sinceMs,
    ...lift,
    layers: Object.fromEntries(shown),
  };
}
