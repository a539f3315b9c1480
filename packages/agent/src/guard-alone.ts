import type { ServicePorts } from "./enrolled-agent.ts";
import { layersOf } from "./layers-of.ts";
import { lookAfterGuard } from "./look-after-guard.ts";
import type { LayerReport } from "./ports.ts";

/** The guard without an agent that could say what it should be. */
export interface GuardAlone {
  layers(): LayerReport;
  stop(): void;
}

/**
 * Arms the guard of a machine whose data cannot be used, and has it looked after as any other: what was changed is set
 * back. There is no journal for it; the system's own log is told.
 */
export function guardAlone(ports: Pick<ServicePorts, "platform" | "guardLookMs" | "events" | "log">): GuardAlone {
  const { guard } = ports.platform;
  let layers = layersOf(guard, () => guard.arm());
  const looks = lookAfterGuard(guard, look, ports);
  return { layers: () => layers, stop: looks.stop };

  function look(): void {
    layers = layersOf(guard, () => {
      const { layers: now, drifts } = guard.restore();
      for (const { layer, found, setBack } of drifts) {
        ports.log(`${layer} was changed (${found}), ${setBack ? "and is set back" : "and cannot be set back"}`);
        ports.events?.journaled("drift", { layer, found, setBack });
      }
      return now;
    });
  }
}
