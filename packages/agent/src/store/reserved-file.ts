import { dirname } from "node:path";
import type { FileSystem } from "./file-system.ts";

/**
 * A file that is replaced as a whole, and whose next version has its room on the disk already.
 *
 * The next version is written over a spare file of full size, flushed, and renamed; the version before keeps its blocks
 * under a second name and becomes the spare. So after the first one no replacement needs a free block, and on a full
 * disk nobody else can take ours in between. What stands behind the content is left from older versions: content has
 * to say itself where it ends.
 */
export interface ReservedFile {
  readonly path: string;
  read(): Uint8Array | undefined;
  replace(content: Uint8Array): void;
}

export function reservedFile(fs: FileSystem, path: string, reservedBytes: number): ReservedFile {
  const spare = `${path}.spare`;
  const before = `${path}.before`;
  tidy();
  reserve();
  return {
    path,
    read: () => fs.read(path),
    replace(content) {
      tidy();
      fs.write(spare, 0, content);
      fs.flush(spare);
      const kept = keepBlocks();
      fs.rename(spare, path);
      fs.flushFolder(dirname(path));
      if (kept) recycle();
      else reserve();
    },
  };

  /** Finishes what a cut between two renames left behind. */
  function tidy(): void {
    if (fs.size(before) === 0) return;
    if (fs.size(spare) > 0) fs.remove(before);
    else fs.rename(before, spare);
  }

  /** The new version is in place: from here on nothing is an error of the replacement. `tidy` comes back to it. */
  function recycle(): void {
    try {
      fs.rename(before, spare);
    } catch {
      reserve();
    }
  }

  /** A disk without room for it is no reason not to start. */
  function reserve(): void {
    const missing = reservedBytes - fs.size(spare);
    if (missing <= 0) return;
    try {
      fs.write(spare, fs.size(spare), new Uint8Array(missing));
      fs.flush(spare);
    } catch {
      // Then the next replacement needs free blocks, and says so when there are none.
    }
  }

  function keepBlocks(): boolean {
    if (fs.size(path) < reservedBytes) return false;
    try {
      fs.link(path, before);
      return true;
    } catch {
      // A file system without second names: the spare is made anew, as long as there is room.
      return false;
    }
  }
}
