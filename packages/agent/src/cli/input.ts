import { closeSync, openSync, readSync } from "node:fs";
import { commandBytes } from "../limits.ts";
import { type TokenSource, UsageError } from "./arguments.ts";

/** Standard input: at most `maxBytes` of it. */
export type ReadInput = (maxBytes: number) => Buffer;

/**
 * Longer than a token can be, in UTF-16 too, so that what is too long is refused as that and not as a broken signature;
 * and as JSON, where a control character is six, still a command that the service takes.
 */
const maxTokenBytes = 10 * 1024;

/** An activation key is 136 characters. */
const maxKeyBytes = 1024;

/** A token as it was given: the service judges it. @throws {UsageError} there is nothing to judge */
export function readToken(source: TokenSource, readInput: ReadInput): string {
  switch (source.from) {
    case "argument":
      return source.token.slice(0, maxTokenBytes);
    case "stdin":
      return inputText(readInput(maxTokenBytes));
    case "file":
      return fileText(source.path, readSome(source.path, maxTokenBytes));
  }
}

/** An activation key from standard input. @throws {UsageError} nothing came */
export function readKey(readInput: ReadInput): string {
  return inputText(readInput(maxKeyBytes)).trim();
}

/** An activation key from a file. @throws {UsageError} */
export function readKeyFile(path: string): string {
  return fileText(path, readSome(path, maxKeyBytes)).trim();
}

/** The certificates of a PEM file. @throws {UsageError} */
export function readCertificates(path: string): string {
  const maxBytes = commandBytes / 2;
  const bytes = readSome(path, maxBytes + 1);
  if (bytes.length > maxBytes)
    throw new UsageError(`The file ${path} is too long: put only the certificates that are needed into it (32 KiB).`);
  return fileText(path, bytes);
}

function inputText(bytes: Buffer): string {
  const text = decodeText(bytes);
  if (text.trim() === "") throw new UsageError("Nothing came on standard input.");
  return text;
}

function fileText(path: string, bytes: Buffer): string {
  const text = decodeText(bytes);
  if (text.trim() === "") throw new UsageError(`The file ${path} is empty.`);
  return text;
}

/** The beginning of a file: of one that never ends no more than that is asked for. */
function readSome(path: string, maxBytes: number): Buffer {
  const buffer = Buffer.alloc(maxBytes);
  let length = 0;
  try {
    const file = openSync(path, "r");
    try {
      for (let read = -1; read !== 0 && length < maxBytes; length += read)
        read = readSync(file, buffer, length, maxBytes - length, null);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      code === "EISDIR"
        ? `${path} is a folder. Give the file in it.`
        : `The file ${path} cannot be read (${code ?? "unknown"}).`,
    );
  }
  return buffer.subarray(0, length);
}

/**
 * Text as programs on Windows write it: UTF-8 with or without its mark, or UTF-16 (PowerShell's `>`). What is wanted here
 * is plain ASCII, so UTF-16 without a mark is known by its zeros.
 */
function decodeText(bytes: Buffer): string {
  const [first, second] = bytes;
  const marked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const bigEndian = first === 0xfe || (first === 0 && second !== 0);
  if (!marked && (first === 0) === (second === 0)) return bytes.toString("utf8");
  const words = Buffer.from(bytes.subarray(marked ? 2 : 0, bytes.length - (bytes.length % 2)));
  return (bigEndian ? words.swap16() : words).toString("utf16le");
}
