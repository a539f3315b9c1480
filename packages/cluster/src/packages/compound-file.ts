import { msiLimits } from "./limits.ts";

/** Bytes of a file, from `offset` on: `length` of them, or fewer at its end. */
export type ReadBytes = (offset: number, length: number) => Promise<Buffer>;

/** It is no compound file, or one that is not whole. */
export class NoCompoundFile extends Error {
  override readonly name = "NoCompoundFile";
}

/** The streams of a compound file: the container of Windows Installer packages (MS-CFB). */
export interface CompoundFile {
  /** The names in its directory, as they stand there. */
  readonly names: readonly string[];
  /** @throws {NoCompoundFile} there is no such stream, or it is too large to be read whole */
  read(name: string): Promise<Buffer>;
}

interface Entry {
  readonly name: string;
  readonly isRoot: boolean;
  readonly first: number;
  readonly size: number;
}

const magic = Buffer.from("d0cf11e0a1b11ae1", "hex");
const headerBytes = 512;
const endOfChain = 0xff_ff_ff_fe;
const entryBytes = 128;
const sectorsInHeader = 109;

/**
 * Opens a compound file without reading more than what is asked for. Nothing in it is believed: each chain ends after as
 * many sectors as its length needs, whatever it says.
 *
 * @throws {NoCompoundFile}
 */
export async function openCompoundFile(read: ReadBytes): Promise<CompoundFile> {
  const header = await read(0, headerBytes);
  if (header.length < headerBytes || !header.subarray(0, 8).equals(magic)) throw new NoCompoundFile("no magic number");
  const shift = header.readUInt16LE(30);
  const miniShift = header.readUInt16LE(32);
  if ((shift !== 9 && shift !== 12) || miniShift !== 6) throw new NoCompoundFile("sectors of a size that there is not");
  const sectorBytes = 1 << shift;
  const miniBytes = 1 << miniShift;
  const miniBelow = header.readUInt32LE(56);
  const numbersInSector = sectorBytes / 4;
  const sectors = new Map<number, Buffer>();

  const sectorAt = async (sector: number): Promise<Buffer> => {
    const bytes = await read((sector + 1) * sectorBytes, sectorBytes);
    // The last one of a file may be cut.
    return bytes.length === sectorBytes ? bytes : Buffer.concat([bytes, Buffer.alloc(sectorBytes - bytes.length)]);
  };
  /** For the few sectors that say where others are. */
  const kept = async (sector: number): Promise<Buffer> => {
    const known = sectors.get(sector) ?? (await sectorAt(sector));
    sectors.set(sector, known);
    return known;
  };

  /** Where the n-th sector of the table of sectors is: in the header, or in the chain that goes on from it. */
  async function sectorOfTable(n: number): Promise<number> {
    if (n < sectorsInHeader) return header.readUInt32LE(76 + 4 * n);
    let sector = header.readUInt32LE(68);
    let left = n - sectorsInHeader;
    for (; left >= numbersInSector - 1; left -= numbersInSector - 1) {
      sector = (await kept(sector)).readUInt32LE(sectorBytes - 4);
    }
    return (await kept(sector)).readUInt32LE(4 * left);
  }
  async function next(sector: number): Promise<number> {
    const n = Math.floor(sector / numbersInSector);
    if (n >= Math.min(header.readUInt32LE(44), msiLimits.maxTableSectors))
      throw new NoCompoundFile("a chain leads out of the file");
    return (await kept(await sectorOfTable(n))).readUInt32LE(4 * (sector % numbersInSector));
  }
  /** A chain's bytes; without `size`, until its end, and no more than a directory may have. */
  async function chain(first: number, size?: number): Promise<Buffer> {
    const wanted = size ?? msiLimits.maxDirectoryBytes;
    if (wanted > msiLimits.maxStreamBytes) throw new NoCompoundFile("a stream is too large");
    const pieces: Buffer[] = [];
    let sector = first;
    for (let got = 0; got < wanted; got += sectorBytes) {
      if (sector === endOfChain) {
        if (size === undefined) break;
        throw new NoCompoundFile("a chain is too short");
      }
      pieces.push(await sectorAt(sector));
      sector = await next(sector);
    }
    return Buffer.concat(pieces).subarray(0, size);
  }

  const entries = entriesOf(await chain(header.readUInt32LE(48)));
  const root = entries.find(({ isRoot }) => isRoot);

  async function readSmall({ first, size }: Entry): Promise<Buffer> {
    if (root === undefined) throw new NoCompoundFile("small streams are missing");
    const all = await chain(root.first, root.size);
    const table = await chain(header.readUInt32LE(60), header.readUInt32LE(64) * sectorBytes);
    const pieces: Buffer[] = [];
    let mini = first;
    for (let got = 0; got < size; got += miniBytes) {
      if (4 * mini + 4 > table.length) throw new NoCompoundFile("a small stream is cut off");
      pieces.push(all.subarray(mini * miniBytes, (mini + 1) * miniBytes));
      mini = table.readUInt32LE(4 * mini);
    }
    return Buffer.concat(pieces).subarray(0, size);
  }

  return {
    names: entries.map(({ name }) => name),
    async read(name) {
      const entry = entries.find((one) => one.name === name && !one.isRoot);
      if (entry === undefined) throw new NoCompoundFile(`no stream ${JSON.stringify(name)}`);
      return entry.size < Math.min(miniBelow, msiLimits.maxStreamBytes)
        ? readSmall(entry)
        : chain(entry.first, entry.size);
    },
  };
}

const kinds = { stream: 2, root: 5 } as const;

function entriesOf(directory: Buffer): Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at + entryBytes <= directory.length; at += entryBytes) {
    const kind = directory[at + 66];
    if (kind !== kinds.stream && kind !== kinds.root) continue;
    const nameBytes = Math.min(64, Math.max(2, directory.readUInt16LE(at + 64)));
    entries.push({
      name: directory.toString("utf16le", at, at + nameBytes - 2),
      isRoot: kind === kinds.root,
      first: directory.readUInt32LE(at + 116),
      size: directory.readUInt32LE(at + 120),
    });
  }
  return entries;
}
