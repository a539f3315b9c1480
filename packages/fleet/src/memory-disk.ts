import type { FileSystem } from "@postern/agent";

/** Content without the zeros at its end, and how long it is with them. */
interface Inode {
  data: Uint8Array;
  size: number;
}

/**
 * A disk in memory for one simulated machine. What an agent sets aside for a full disk is zeros, and takes no memory
 * here. Flushing does nothing: there is no power to be cut.
 */
export function memoryDisk(): FileSystem {
  const names = new Map<string, Inode>();

  return {
    read(path) {
      const inode = names.get(path);
      if (inode === undefined) return undefined;
      const whole = new Uint8Array(inode.size);
      whole.set(inode.data);
      return whole;
    },
    size: (path) => names.get(path)?.size ?? 0,
    write(path, offset, bytes) {
      const inode = names.get(path) ?? { data: new Uint8Array(), size: 0 };
      const content = withoutZeros(bytes);
      const data = new Uint8Array(Math.max(inode.data.length, content.length === 0 ? 0 : offset + content.length));
      data.set(inode.data);
      data.fill(0, offset, offset + bytes.length);
      data.set(content, content.length === 0 ? 0 : offset);
      inode.data = data;
      if (bytes.length > 0) inode.size = Math.max(inode.size, offset + bytes.length);
      names.set(path, inode);
    },
    flush() {},
    link(from, to) {
      const inode = present(from);
      if (names.has(to)) throw Object.assign(new Error(`${to} is there already`), { code: "EEXIST" });
      names.set(to, inode);
    },
    rename(from, to) {
      const inode = present(from);
      if (names.get(to) === inode) return; // two names of one file: POSIX leaves both
      names.set(to, inode);
      names.delete(from);
    },
    remove(path) {
      names.delete(path);
    },
    makeFolder() {},
    flushFolder() {},
  };

  function present(path: string): Inode {
    const inode = names.get(path);
    if (inode === undefined) throw Object.assign(new Error(`there is no ${path}`), { code: "ENOENT" });
    return inode;
  }
}

function withoutZeros(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.subarray(0, end);
}
