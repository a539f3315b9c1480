import { BuildError } from "./dependencies.ts";

/**
 * The executable without its Authenticode signature, which any change makes false. Windows shows a false signature as
 * tampering and a missing one as what it is; whoever ships signs anew.
 *
 * @throws {BuildError} for anything but a 64-bit Windows executable
 */
export function withoutSignature(executable: Buffer): Buffer {
  const optional = optionalHeader(executable);
  const { entry, address: at, size } = dataDirectory(executable, optional, certificateDirectory);
  if (size === 0) return executable;
  if (at + size !== executable.length) throw new BuildError("the signature of node.exe is not at its end");
  executable.fill(0, entry, entry + 8);
  return executable.subarray(0, at);
}

/**
 * The executable with each section at a multiple of the page size in the file, too, as it is in memory. Then a loader can
 * map the file instead of copying it: Wine does so only then, Windows does so either way. A copy costs each process the
 * size of the whole executable, whatever it uses of it.
 *
 * @throws {BuildError} for anything but a 64-bit Windows executable or library without a signature
 */
export function withSectionsOnPages(executable: Buffer): Buffer {
  const optional = optionalHeader(executable);
  if (dataDirectory(executable, optional, certificateDirectory).size !== 0)
    throw new BuildError("sections are moved before an executable is signed, not after");
  const sections = sectionsOf(executable, optional);
  const headers = onPages(executable.subarray(0, executable.readUInt32LE(optional + at.sizeOfHeaders)));
  headers.writeUInt32LE(pageBytes, optional + at.fileAlignment);
  headers.writeUInt32LE(headers.length, optional + at.sizeOfHeaders);
  const parts = [headers];
  let position = headers.length;
  for (const section of sections.filter(({ size }) => size > 0)) {
    const content = onPages(executable.subarray(section.position, section.position + section.size));
    headers.writeUInt32LE(content.length, section.header + at.sectionSize);
    headers.writeUInt32LE(position, section.header + at.sectionPosition);
    parts.push(content);
    position += content.length;
  }
  const moved = Buffer.concat(parts);
  correctDebugEntries(moved, optional);
  return moved;
}

/** Entries of the debug directory: the only thing outside the headers that says where in the file something is. */
function correctDebugEntries(executable: Buffer, optional: number): void {
  const sections = sectionsOf(executable, optional);
  const { address, size } = dataDirectory(executable, optional, debugDirectory);
  for (let offset = 0; offset < size; offset += debugEntryBytes) {
    const entry = positionOf(address + offset, sections);
    const data = executable.readUInt32LE(entry + at.debugAddress);
    if (data !== 0) executable.writeUInt32LE(positionOf(data, sections), entry + at.debugPosition);
  }
}

/** Offsets of the PE format (Microsoft, "PE Format"), each in its own structure. */
const at = {
  newHeader: 0x3c,
  numberOfSections: 6,
  sizeOfOptionalHeader: 20,
  optionalHeader: 24,
  fileAlignment: 36,
  sizeOfHeaders: 60,
  dataDirectories: 112,
  sectionAddress: 12,
  sectionSize: 16,
  sectionPosition: 20,
  debugAddress: 20,
  debugPosition: 24,
} as const;
const certificateDirectory = 4;
const debugDirectory = 6;
const sectionHeaderBytes = 40;
const debugEntryBytes = 28;
const magicPlus = 0x20b;
const pageBytes = 4_096;

interface Section {
  /** Where its header stands in the file. */
  readonly header: number;
  /** Where it is in memory, from the start of the image. */
  readonly address: number;
  /** How many bytes of it are in the file, and where. */
  readonly size: number;
  readonly position: number;
}

/** Where the optional header stands in the file. */
function optionalHeader(executable: Buffer): number {
  const header = executable.readUInt32LE(at.newHeader);
  const optional = header + at.optionalHeader;
  if (executable.toString("latin1", header, header + 4) !== "PE\0\0" || executable.readUInt16LE(optional) !== magicPlus)
    throw new BuildError("this is not a 64-bit Windows executable");
  return optional;
}

function dataDirectory(
  executable: Buffer,
  optional: number,
  index: number,
): { entry: number; address: number; size: number } {
  const entry = optional + at.dataDirectories + index * 8;
  return { entry, address: executable.readUInt32LE(entry), size: executable.readUInt32LE(entry + 4) };
}

function sectionsOf(executable: Buffer, optional: number): Section[] {
  const header = optional - at.optionalHeader;
  const first = optional + executable.readUInt16LE(header + at.sizeOfOptionalHeader);
  return Array.from({ length: executable.readUInt16LE(header + at.numberOfSections) }, (_, index) => {
    const section = first + index * sectionHeaderBytes;
    return {
      header: section,
      address: executable.readUInt32LE(section + at.sectionAddress),
      size: executable.readUInt32LE(section + at.sectionSize),
      position: executable.readUInt32LE(section + at.sectionPosition),
    };
  });
}

function positionOf(address: number, sections: readonly Section[]): number {
  const section = sections.find((each) => address >= each.address && address < each.address + each.size);
  if (section === undefined) throw new BuildError(`the executable has nothing at address ${address}`);
  return section.position + address - section.address;
}

/** A copy that ends where a page does. */
function onPages(bytes: Buffer): Buffer {
  return Buffer.concat([bytes], Math.ceil(bytes.length / pageBytes) * pageBytes);
}
