import { maxReportedNameChars, maxServices, type ProtectionReport } from "@postern/protocol";
import type { LayerReport, OtherService } from "../ports.ts";
import { toSeconds } from "./protection.ts";
import { type AgentState, liftLeftMs } from "./state.ts";

/** The schema's limit for what a layer says of itself. */
const maxLayerChars = 160;

/** Protection as the check-in and `-status` report it. */
export function reportProtection(
  state: AgentState,
  supported: boolean,
  layers: LayerReport,
  others: readonly OtherService[] = [],
): ProtectionReport {
  const { protection } = state;
  const shown = Object.entries(layers).map(([name, layer]) => [name, layer.slice(0, maxLayerChars)] as const);
  const lift = protection.state === "lifted" ? { budgetLeft: toSeconds(liftLeftMs(state)), jti: protection.jti } : {};
  return {
    state: supported ? protection.state : "unsupported",
    since: protection.sinceMs,
    ...lift,
    layers: Object.fromEntries(shown),
    ...(others.length > 0 ? { services: others.slice(0, maxServices).map(shownService) } : {}),
  };
}

/** Long names are cut, so that the largest report still fits a message. */
function shownService({ name, state }: OtherService): OtherService {
  return { name: name.slice(0, maxReportedNameChars), state };
}
