import { type NeutralisedVariable, neutralisedPath, neutralisedVariables } from "./neutralised-variables.ts";

const NUL = 0;

/** Says which string the executable does not hold as often as the table expects; nothing was written. */
export class StringNotFound extends Error {
  override readonly name = "StringNotFound";
}

/**
 * Takes the environment's influence out of Node's Windows executable, in place.
 *
 * A name becomes the empty name: no environment block can hold a variable of that name, and no reading of it can
 * succeed, whereas any other name of the same length could be set by somebody who has read this file. Lengths stay
 * as they are, so nothing in the executable moves.
 *
 * @throws {StringNotFound} when the executable is not the one the table was written for
 */
export function neutralise(executable: Buffer): void {
  for (const variable of neutralisedVariables) neutraliseVariable(executable, variable);
  neutralisePath(executable);
}

/** One row of the table; the counts are checked before the first byte changes. */
export function neutraliseVariable(executable: Buffer, variable: NeutralisedVariable): void {
  const found = findVariable(executable, variable.name);
  for (const form of ["native", "wide", "cached", "source"] as const) {
    const expected = variable[form] ?? 0;
    const actual = found[form].length;
    if (actual !== expected)
      throw new StringNotFound(
        `${variable.name}: the executable holds it ${actual} times as ${form}, the table expects ${expected}. ` +
          "Is this another version of Node? Read its list of variables again and correct build/neutralised-variables.ts.",
      );
  }
  for (const at of found.native) executable[at] = NUL;
  for (const at of found.cached) executable[at] = NUL;
  for (const at of found.wide) executable.writeUInt16LE(NUL, at);
  for (const at of found.source) blankProperty(executable, at, variable.name);
}

interface Places {
  native: number[];
  wide: number[];
  cached: number[];
  source: number[];
}

/** Where the name's first character stands, by form. A longer name that contains this one is not this one. */
function findVariable(executable: Buffer, name: string): Places {
  const places: Places = { native: [], wide: [], cached: [], source: [] };
  const length = Buffer.alloc(4);
  length.writeUInt32LE(name.length);
  for (const at of occurrences(executable, Buffer.from(name, "latin1"))) {
    const after = executable[at + name.length] ?? NUL;
    // A constant of precompiled JavaScript is its length, then its characters; what follows is padding or the next one.
    if (executable.subarray(at - 4, at).equals(length)) places.cached.push(at);
    else if (executable[at - 1] === NUL && after === NUL) places.native.push(at);
    else if (executable.toString("latin1", at - 4, at) === "env." && !isNameCharacter(after)) places.source.push(at);
  }
  places.wide.push(...occurrences(executable, Buffer.from(`\0${name}\0`, "utf16le")).map((at) => at + 2));
  return places;
}

function occurrences(executable: Buffer, wanted: Buffer): number[] {
  const found: number[] = [];
  for (let at = executable.indexOf(wanted); at !== -1; at = executable.indexOf(wanted, at + 1)) found.push(at);
  return found;
}

function isNameCharacter(byte: number): boolean {
  return /\w/.test(String.fromCharCode(byte));
}

/** `env.NODE_PATH` becomes `env['\0']  `: JavaScript of the same length that reads the variable without a name. */
function blankProperty(executable: Buffer, at: number, name: string): void {
  executable.write("['\\0']".padEnd(name.length + 1), at - 1, "latin1");
}

function neutralisePath(executable: Buffer): void {
  const { path, replacement, count } = neutralisedPath;
  const found = occurrences(executable, Buffer.from(`\0${path}\0`, "latin1"));
  if (found.length !== count)
    throw new StringNotFound(`${path}: the executable holds it ${found.length} times, the table expects ${count}.`);
  for (const at of found) executable.write(replacement, at + 1, "latin1");
}
