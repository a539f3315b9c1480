import { messageOf } from "../message-of.ts";
import type { Drift, Guard, LayerReport, LayerState } from "../ports.ts";

/** One layer of service protection. Both calls may throw what the platform says. */
export interface Layer {
  readonly name: string;
  /** Sets the whole wanted state. */
  set(armed: boolean): void;
  /** What is not as {@link set} would have it with protection on, in a few words; undefined when all is. */
  drifted(): string | undefined;
  /**
   * What is there that neither a lift nor protection has made, in a few words; without it the same as {@link drifted}.
   * Undefined when nothing is.
   */
  changedInLift?(): string | undefined;
}

/** A guard of these layers, set in their order; one that fails is reported and stops no other. `watch` is {@link Guard.watch}. */
export function layeredGuard(layers: readonly Layer[], watch: Guard["watch"]): Guard {
  let report: LayerReport = {};
  const setAll = (armed: boolean): LayerReport => {
    report = Object.fromEntries(layers.map((layer) => [layer.name, setOne(layer, armed)]));
    return report;
  };
  return {
    supported: true,
    arm: () => setAll(true),
    disarm: () => setAll(false),
    restore() {
      const drifts: Drift[] = [];
      const now = layers.map((layer): [string, LayerState] => {
        const before = report[layer.name];
        const found = foundIn(layer);
        if (found === undefined) return [layer.name, "on"];
        const state = setOne(layer, true);
        // One that could not be set before is no news; that it still cannot is in its report.
        if (before === "on") drifts.push({ layer: layer.name, found, setBack: state === "on" });
        return [layer.name, state];
      });
      report = Object.fromEntries(now);
      return { layers: report, drifts };
    },
    changedInLift: () =>
      layers.flatMap(({ name, drifted, changedInLift = drifted }) => {
        try {
          const found = changedInLift();
          return found === undefined ? [] : [{ layer: name, found }];
        } catch {
          // Of what cannot be looked at nothing can be told.
          return [];
        }
      }),
    watch,
  };
}

function setOne(layer: Layer, armed: boolean): LayerState {
  try {
    layer.set(armed);
    return armed ? "on" : "off";
  } catch (error) {
    return `failed: ${messageOf(error)}`;
  }
}

/** That a layer cannot be looked at any more is itself a change. */
function foundIn(layer: Layer): string | undefined {
  try {
    return layer.drifted();
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
}
