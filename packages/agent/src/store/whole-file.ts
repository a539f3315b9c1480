import { dirname } from "node:path";
import type { FileSystem } from "./file-system.ts";
import { encodeRecord } from "./sealed-record.ts";

/** Writes a record in place of the one at `path`, in one step: after a power cut there is the old one, or the new one. */
export function writeWhole(fs: FileSystem, path: string, value: unknown): void {
  const next = `${path}.next`;
  fs.remove(next);
  fs.write(next, 0, encodeRecord(value));
  fs.flush(next);
  fs.rename(next, path);
  fs.flushFolder(dirname(path));
}
