import type { FileSystem } from "./file-system.ts";

export class PowerCut extends Error {}

interface Inode {
  /** What a flush has brought to the disk, and what programs see. */
  durable: Uint8Array;
  current: Uint8Array;
}

/** What of the unflushed comes back: all of it; the names without their new content; or neither. */
export type Unflushed = "kept" | "content_lost" | "lost";

/**
 * A disk in memory that forgets, in a power cut, whatever was not flushed. Names may be kept at once, so a file renamed
 * before it was flushed comes back without its content, as file systems do it; or they too wait for their folder's flush.
 */
export class Disk implements FileSystem {
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  /** Operations that were carried out. */
  operations = 0;
  /** Which of them were writes: only these can be torn. */
  readonly writes = new Set<number>();
  /** The operation at which the power goes, and what becomes of it. */
  cut: { readonly at: number; readonly how: "before" | "torn" | "after" } | undefined;
  full = false;

  /** Whether the power has gone. */
  get dead(): boolean {
    return this.cut !== undefined && this.operations > this.cut.at;
  }

  /** After the cut: `kept` is the lucky case in which unflushed writes had reached the disk. */
  powerOn(unflushed: Unflushed): void {
    this.cut = undefined;
    for (const inode of new Set([...this.#names.values(), ...this.#durableNames.values()])) {
      if (unflushed === "kept") inode.durable = inode.current;
      else inode.current = inode.durable;
    }
    if (unflushed === "lost") this.#names = new Map(this.#durableNames);
    else this.#durableNames = new Map(this.#names);
  }

  read(path: string): Uint8Array | undefined {
    return this.#names.get(path)?.current;
  }

  size(path: string): number {
    return this.#names.get(path)?.current.length ?? 0;
  }

  write(path: string, offset: number, bytes: Uint8Array): void {
    if (this.full && offset + bytes.length > this.size(path)) {
      throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    }
    this.writes.add(this.operations);
    this.#step(
      () => this.#put(path, offset, bytes),
      () => {
        this.#put(path, offset, bytes.subarray(0, Math.floor(bytes.length / 2)));
        const inode = this.#names.get(path);
        if (inode) inode.durable = inode.current;
      },
    );
  }

  flush(path: string): void {
    this.#step(() => {
      const inode = this.#names.get(path);
      if (!inode) throw new Error(`no file ${path}`);
      inode.durable = inode.current;
    });
  }

  link(from: string, to: string): void {
    this.#step(() => {
      const inode = this.#names.get(from);
      if (!inode || this.#names.has(to)) throw new Error(`cannot link ${from}`);
      this.#names.set(to, inode);
    });
  }

  rename(from: string, to: string): void {
    this.#step(() => {
      const inode = this.#names.get(from);
      if (!inode) throw new Error(`no file ${from}`);
      this.#names.set(to, inode);
      this.#names.delete(from);
    });
  }

  remove(path: string): void {
    this.#step(() => this.#names.delete(path));
  }

  makeFolder(): void {}

  flushFolder(): void {
    this.#step(() => {
      this.#durableNames = new Map(this.#names);
    });
  }

  #put(path: string, offset: number, bytes: Uint8Array): void {
    const inode = this.#names.get(path) ?? { durable: new Uint8Array(), current: new Uint8Array() };
    const next = new Uint8Array(Math.max(inode.current.length, offset + bytes.length));
    next.set(inode.current);
    next.set(bytes, offset);
    inode.current = next;
    this.#names.set(path, inode);
  }

  #step(work: () => void, torn: () => void = () => {}): void {
    const { cut } = this;
    if (cut && this.operations > cut.at) throw new PowerCut();
    const here = cut && this.operations === cut.at;
    this.operations++;
    if (here && cut.how === "torn") torn();
    if (!here || cut.how === "after") work();
    if (here) {
      this.operations++;
      throw new PowerCut();
    }
  }
}

/**
 * Runs `work` once for each place at which the power can be cut, and `check` on the disk that comes back. `prepare`
 * and `check` run undisturbed.
 */
export function forEachPowerCut(
  prepare: (disk: Disk) => void,
  work: (disk: Disk) => void,
  check: (disk: Disk, place: string) => void,
): void {
  const counting = new Disk();
  prepare(counting);
  const first = counting.operations;
  work(counting);
  for (let at = first; at < counting.operations; at++) {
    for (const how of ["before", "torn", "after"] as const) {
      for (const unflushed of ["kept", "content_lost", "lost"] as const) {
        const disk = new Disk();
        prepare(disk);
        disk.cut = { at, how };
        try {
          work(disk);
        } catch (error) {
          if (!(error instanceof PowerCut)) throw error;
        }
        disk.powerOn(unflushed);
        check(disk, `${how} operation ${at}, unflushed ${unflushed}`);
      }
    }
  }
}
