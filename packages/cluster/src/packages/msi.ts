import { type CompoundFile, NoCompoundFile, openCompoundFile, type ReadBytes } from "./compound-file.ts";
import { msiLimits } from "./limits.ts";

/** What a Windows Installer package says of itself. Whoever made the file can make it say anything. */
export interface MsiSays {
  /** Its table Property. */
  readonly properties: ReadonlyMap<string, string>;
  /** The kind of machine in its summary: `x64`, `Intel`, `Arm64`; '' when it says none. */
  readonly arch: string;
}

/**
 * Reads the properties of a Windows Installer package, and of its other contents nothing. It takes what Windows Installer's
 * own database has: streams named in letters of their own, a pool of strings, and tables stored column by column.
 *
 * @throws {NoCompoundFile} it is no such package
 */
export async function readMsi(read: ReadBytes): Promise<MsiSays> {
  try {
    const file = await openCompoundFile(read);
    const strings = await readStrings(file);
    return {
      properties: readProperties(await file.read(streamOf(file, "!Property")), strings),
      arch: await readArch(file),
    };
  } catch (error) {
    // A number that leads out of what was read.
    if (error instanceof RangeError) throw new NoCompoundFile("the file is not whole", { cause: error });
    throw error;
  }
}

interface Strings {
  /** By their numbers, which begin at 1; 0 is the empty one. */
  readonly values: readonly string[];
  /** How many bytes a string's number takes in a table. */
  readonly numberBytes: 2 | 3;
}

async function readStrings(file: CompoundFile): Promise<Strings> {
  const pool = await file.read(streamOf(file, "!_StringPool"));
  const data = await file.read(streamOf(file, "!_StringData"));
  const values = [""];
  let at = 0;
  for (let entry = 4; entry + 4 <= pool.length; entry += 4) {
    if (values.length > msiLimits.maxStrings) throw new NoCompoundFile("too many strings");
    let length = pool.readUInt16LE(entry);
    const uses = pool.readUInt16LE(entry + 2);
    if (length === 0 && uses !== 0) {
      // One of more than 64 KiB: its length is in the next entry.
      entry += 4;
      length = pool.readUInt32LE(entry);
    }
    values.push(data.toString("utf8", at, at + length));
    at += length;
  }
  return { values, numberBytes: (pool.readUInt32LE(0) & 0x80_00_00_00) === 0 ? 2 : 3 };
}

function readProperties(table: Buffer, { values, numberBytes }: Strings): ReadonlyMap<string, string> {
  const rows = Math.floor(table.length / (2 * numberBytes));
  const textAt = (cell: number) => values[table.readUIntLE(cell * numberBytes, numberBytes)] ?? "";
  return new Map(Array.from({ length: rows }, (_, row) => [textAt(row), textAt(rows + row)]));
}

const template = 7;
const text = 30;

/** The member Template of the summary, such as `x64;1033` (MS-OLEPS). */
async function readArch(file: CompoundFile): Promise<string> {
  const summary = await file.read("\u0005SummaryInformation");
  const section = summary.readUInt32LE(44);
  const count = Math.min(summary.readUInt32LE(section + 4), 100);
  for (let n = 0; n < count; n++) {
    if (summary.readUInt32LE(section + 8 + 8 * n) !== template) continue;
    const at = section + summary.readUInt32LE(section + 12 + 8 * n);
    if (summary.readUInt32LE(at) !== text) return "";
    const value = summary.toString("latin1", at + 8, at + 8 + summary.readUInt32LE(at + 4));
    return value.split(/[;\0]/, 1)[0] ?? "";
  }
  return "";
}

function streamOf({ names }: CompoundFile, wanted: string): string {
  const name = names.find((one) => decodeName(one) === wanted);
  if (name === undefined) throw new NoCompoundFile(`no table ${wanted}`);
  return name;
}

const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";

/** Windows Installer packs two letters into one, since names in a compound file are short. `!` begins a table's name. */
function decodeName(name: string): string {
  return [...name]
    .map((letter) => {
      const code = letter.charCodeAt(0);
      if (code === 0x48_40) return "!";
      if (code >= 0x38_00 && code < 0x48_00) {
        return `${letters[(code - 0x38_00) & 0x3f]}${letters[(code - 0x38_00) >> 6]}`;
      }
      return code >= 0x48_00 && code < 0x48_40 ? letters[code - 0x48_00] : letter;
    })
    .join("");
}
