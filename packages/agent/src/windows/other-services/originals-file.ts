import { dirname, join } from "node:path";
import type { FileSystem } from "../../store/file-system.ts";
import { decodeRecord, encodeRecord } from "../../store/sealed-record.ts";
import { keyOf, type Originals, type OriginalsByName } from "./originals.ts";

/** Where the originals of guarded services outlive the process, in a file of their own. */
export interface OriginalsFile {
  /** `unreadable`: there is one, and what services had before cannot be read from it. */
  read(): OriginalsByName | "unreadable";
  /** Durable when it returns, and in one step: there is the old one, or the new one. Without any, the file is removed. */
  write(originals: OriginalsByName): void;
}

/** Counts up when a file of this version could be misread by the one before. */
const layout = 1;

export function originalsFile(fs: FileSystem, folder: string): OriginalsFile {
  const path = join(folder, "other-services");
  const next = `${path}.next`;
  return {
    read() {
      let bytes: Uint8Array | undefined;
      try {
        bytes = fs.read(path);
      } catch {
        return "unreadable";
      }
      if (!bytes) return new Map();
      const stored = decodeRecord(bytes) as Partial<Stored> | undefined;
      if (stored?.layout !== layout || !Array.isArray(stored.services)) return "unreadable";
      if (!stored.services.every(isOriginals)) return "unreadable";
      return new Map(stored.services.map((one) => [keyOf(one.name), one]));
    },
    write(originals) {
      if (originals.size === 0) {
        fs.remove(path);
      } else {
        const stored: Stored = { layout, services: [...originals.values()] };
        fs.remove(next);
        fs.write(next, 0, encodeRecord(stored));
        fs.flush(next);
        fs.rename(next, path);
      }
      fs.flushFolder(dirname(path));
    },
  };
}

interface Stored {
  readonly layout: number;
  readonly services: readonly Originals[];
}

/** Half of it would be given back as the whole. */
function isOriginals(value: unknown): value is Originals {
  const { name, objects, failureActions, ours } = (value ?? {}) as Partial<Originals>;
  return (
    isText(name) &&
    Array.isArray(objects) &&
    objects.every((object) => /^(?:service|key(?:\\.+)?)$/i.test(object?.id) && isText(object?.descriptor)) &&
    Array.isArray(ours) &&
    ours.every(isText) &&
    (failureActions === undefined || isFailureActions(failureActions))
  );
}

function isFailureActions(value: Partial<NonNullable<Originals["failureActions"]>> | null): boolean {
  return (
    isNumber(value?.resetSeconds) &&
    isText(value?.rebootMessage) &&
    isText(value?.command) &&
    typeof value?.alsoWithoutCrash === "boolean" &&
    Array.isArray(value.actions) &&
    value.actions.every((action) => isNumber(action?.type) && isNumber(action?.delayMs))
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}
