import { BuildError } from "./dependencies.ts";

/** Offsets of the PE format (Microsoft, "PE Format", Optional Header Data Directories). */
const newHeaderAt = 0x3c;
const optionalHeaderAt = 24;
const dataDirectoriesAtPlus = 112;
const certificateDirectory = 4;
const magicPlus = 0x20b;

/**
 * The executable without its Authenticode signature, which any change makes false. Windows shows a false signature as
 * tampering and a missing one as what it is; whoever ships signs anew.
 *
 * @throws {BuildError} for anything but a 64-bit Windows executable
 */
export function withoutSignature(executable: Buffer): Buffer {
  const header = executable.readUInt32LE(newHeaderAt);
  const optional = header + optionalHeaderAt;
  if (executable.toString("latin1", header, header + 4) !== "PE\0\0" || executable.readUInt16LE(optional) !== magicPlus)
    throw new BuildError("node.exe is not a 64-bit Windows executable");
  const entry = optional + dataDirectoriesAtPlus + certificateDirectory * 8;
  const at = executable.readUInt32LE(entry);
  const size = executable.readUInt32LE(entry + 4);
  if (size === 0) return executable;
  if (at + size !== executable.length) throw new BuildError("the signature of node.exe is not at its end");
  executable.fill(0, entry, entry + 8);
  return executable.subarray(0, at);
}
