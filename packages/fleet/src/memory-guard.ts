import type { Guard, LayerReport } from "@postern/agent";

/** A guard that carries nothing out: it remembers, and says when protection changes. */
export interface MemoryGuard extends Guard {
  /** Whether the service accepts to be stopped, as the service manager would ask it. */
  isStoppable(): boolean;
  /** From now on this layer cannot be set, and says why; undefined: it can again. */
  breakLayer(name: LayerName, why: string | undefined): void;
}

/** The layers of the guard on Windows. */
export const layerNames = [
  "acceptedControls",
  "serviceDacl",
  "serviceKeyDacl",
  "serviceConfig",
  "recovery",
  "processDacl",
  "files",
  "cleanRegistry",
  "eventSource",
] as const;
export type LayerName = (typeof layerNames)[number];

export function memoryGuard(supported: boolean, changed: (protection: "on" | "off") => void): MemoryGuard {
  const broken = new Map<LayerName, string>();
  let last: "on" | "off" | undefined;

  function set(wanted: "on" | "off"): LayerReport {
    if (last !== wanted) changed(wanted);
    last = wanted;
    return Object.fromEntries(
      layerNames.map((name) => {
        const why = broken.get(name);
        return [name, why === undefined ? wanted : (`failed: ${why}` as const)];
      }),
    );
  }

  return {
    supported,
    arm: () => set("on"),
    disarm: () => set("off"),
    // Nobody changes what only is remembered.
    restore: () => ({ layers: set("on"), drifts: [] }),
    watch: () => ({ close() {} }),
    isStoppable: () => last !== "on",
    breakLayer(name, why) {
      if (why === undefined) broken.delete(name);
      else broken.set(name, why);
    },
  };
}
