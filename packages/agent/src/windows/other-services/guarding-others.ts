import type { Guard, LayerReport } from "../../ports.ts";
import type { FileSystem } from "../../store/file-system.ts";
import { keyChanges, watchKey } from "../registry.ts";
import { descriptorAsWritten, tokenHolds } from "../security.ts";
import { serviceSid } from "../security-descriptors.ts";
import { serviceKey } from "../service-control.ts";
import { type OtherServices, otherServices, otherServicesLayer } from "./guard-others.ts";
import { originalsFile } from "./originals-file.ts";
import { refusalOf } from "./refusals.ts";
import { type WantedDescriptors, wantedDescriptors } from "./wanted-descriptors.ts";
import { windowsFolders, windowsServices } from "./windows-services.ts";

/** The services of other vendors on this Windows. Creating it reads the system. */
export function windowsOtherServices(
  ownName: string,
  fs: FileSystem,
  dataFolder: string,
  services = windowsServices(windowsFolders()),
): OtherServices {
  const sid = serviceSid(ownName);
  const folders = windowsFolders();
  const [reduced, full] = [asWritten(wantedDescriptors(sid, true)), asWritten(wantedDescriptors(sid, false))];
  return otherServices({
    services,
    originals: originalsFile(fs, dataFolder),
    wanted: tokenHolds(sid) ? reduced : full,
    ours: [reduced.service, full.service, reduced.key],
    refusalOf: (name, program) => refusalOf(name, program, { ownName, folders }),
  });
}

function asWritten({ service, key }: WantedDescriptors): WantedDescriptors {
  return { service: descriptorAsWritten(service), key: descriptorAsWritten(key) };
}

/** A guard that guards other services, too. They are watched for as long as they are guarded. */
export function guardingOthers(guard: Guard, others: OtherServices, watchService = watchServiceKey): Guard {
  const watches = new Map<string, { close(): void }>();
  let changed: (() => void) | undefined;

  return {
    ...guard,
    arm(names, ...open) {
      const layers = guard.arm(names, ...open);
      others.arm(names);
      return withOthers(layers);
    },
    disarm(names) {
      const layers = guard.disarm(names);
      others.disarm(names);
      return withOthers(layers);
    },
    restore() {
      const { layers, drifts } = guard.restore();
      const more = others.look();
      return { layers: withOthers(layers), drifts: [...drifts, ...more] };
    },
    watch(whenChanged) {
      const watching = guard.watch(whenChanged);
      changed = whenChanged;
      watchGuarded();
      return {
        close() {
          changed = undefined;
          watchGuarded();
          watching.close();
        },
      };
    },
    otherServices: others.report,
  };

  function withOthers(layers: LayerReport): LayerReport {
    watchGuarded();
    const layer = others.layer();
    return layer === undefined ? layers : { ...layers, [otherServicesLayer]: layer };
  }

  function watchGuarded(): void {
    const guarded = changed === undefined ? [] : others.touched();
    for (const [name, watch] of watches) {
      if (guarded.includes(name)) continue;
      watch.close();
      watches.delete(name);
    }
    for (const name of guarded) {
      if (!watches.has(name))
        watches.set(
          name,
          watchService(name, () => changed?.()),
        );
    }
  }
}

/**
 * Names and descriptors in the service's tree, and what the service manager writes of the service's own. Not the values:
 * a service may write its own as often as it likes. A key that is not there is left to the look from time to time.
 */
function watchServiceKey(name: string, changed: () => void): { close(): void } {
  const key = serviceKey(name);
  const watches = [
    { path: key, what: keyChanges.names | keyChanges.security },
    { path: `${key}\\Security`, what: keyChanges.values },
  ].flatMap(({ path, what }) => {
    try {
      return [watchKey(path, changed, what)];
    } catch {
      return [];
    }
  });
  return {
    close() {
      for (const watch of watches) watch.close();
    },
  };
}
