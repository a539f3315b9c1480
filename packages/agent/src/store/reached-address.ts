import { join } from "node:path";
import type { FileSystem } from "./file-system.ts";
import { decodeRecord } from "./sealed-record.ts";
import { writeWhole } from "./whole-file.ts";

interface ReachedAddress {
  readonly layout: 1;
  /** Of whom: a new enrolment begins with the address that it was given. */
  readonly agentId: string;
  readonly url: string;
}

/** The address at which the cluster last gave a valid answer; undefined: the one of the enrolment, or it cannot be read. */
export function readReachedAddress(fs: FileSystem, folder: string, agentId: string): string | undefined {
  try {
    const bytes = fs.read(pathIn(folder));
    const reached = bytes && (decodeRecord(bytes) as Partial<ReachedAddress> | undefined);
    return reached?.layout === 1 && reached.agentId === agentId && typeof reached.url === "string"
      ? reached.url
      : undefined;
  } catch {
    return undefined;
  }
}

/** Durable when it returns. */
export function writeReachedAddress(fs: FileSystem, folder: string, agentId: string, url: string): void {
  writeWhole(fs, pathIn(folder), { layout: 1, agentId, url } satisfies ReachedAddress);
}

const pathIn = (folder: string) => join(folder, "address");
