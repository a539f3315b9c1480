import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { formatCommand } from "../commands.ts";
import { commandBytes } from "../limits.ts";
import { UsageError } from "./arguments.ts";
import { readCertificates, readKey, readToken } from "./input.ts";

const token = "eyJhbGciOiJFZDI1NTE5In0.eyJhdWQiOiJjbHVzdGVyIn0.c2lnbmF0dXJl";
const utf16 = Buffer.from(`\uFEFF${token}\r\n`, "utf16le");
const bigEndian = Buffer.from(utf16).swap16();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-input-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(bytes: Uint8Array | string): string {
  const path = join(folder, "file.txt");
  writeFileSync(path, bytes);
  return path;
}

describe("a token is read the same from a file and from standard input", () => {
  test.each([
    ["as it was downloaded", Buffer.from(`${token}\n`)],
    ["with CRLF and the mark of UTF-8", Buffer.from(`\uFEFF${token}\r\n`)],
    ["as PowerShell's > writes it", utf16],
    ["in UTF-16 of the other order", bigEndian],
    ["in UTF-16 without its mark", utf16.subarray(2)],
    ["in that of the other order", bigEndian.subarray(2)],
    ["in UTF-16 cut inside its last character", utf16.subarray(0, -1)],
  ])("%s", (_, bytes) => {
    expect(readToken({ from: "file", path: file(bytes) }, () => Buffer.alloc(0)).trim()).toBe(token);
    expect(readToken({ from: "stdin" }, () => bytes).trim()).toBe(token);
  });
});

test("an activation key from standard input may be UTF-16 too", () => {
  expect(readKey(() => Buffer.from("\uFEFFpostern-ak1.x\r\n", "utf16le"))).toBe("postern-ak1.x");
});

test.each([
  ["zeros", Buffer.alloc(1024 * 1024)],
  ["control characters", Buffer.alloc(1024 * 1024, 1)],
  ["quotes", Buffer.alloc(1024 * 1024, '"')],
  ["broken UTF-8", Buffer.alloc(1024 * 1024, 0xff)],
])("a megabyte of %s is a command that the service can refuse", (_, bytes) => {
  const read = [
    readToken({ from: "file", path: file(bytes) }, () => Buffer.alloc(0)),
    readToken({ from: "stdin" }, (maxBytes) => bytes.subarray(0, maxBytes)),
    readToken({ from: "argument", token: bytes.toString("latin1") }, () => Buffer.alloc(0)),
  ];
  for (const text of read) {
    expect(text.length).toBeGreaterThan(4096);
    expect(Buffer.byteLength(formatCommand({ command: "explain", token: text }))).toBeLessThan(commandBytes);
  }
});

test("where there is nothing to judge, that is said", () => {
  const nothing = () => Buffer.alloc(0);
  expect(() => readToken({ from: "stdin" }, nothing)).toThrow(new UsageError("Nothing came on standard input."));
  expect(() => readKey(() => Buffer.from("\r\n"))).toThrow("Nothing came on standard input.");
  expect(() => readToken({ from: "file", path: file("\uFEFF\r\n") }, nothing)).toThrow(/file\.txt is empty\.$/);
  expect(() => readToken({ from: "file", path: folder }, nothing)).toThrow(/is a folder\./);
  expect(() => readToken({ from: "file", path: join(folder, "none") }, nothing)).toThrow(/cannot be read \(ENOENT\)/);
  expect(() => readCertificates(file(Buffer.alloc(commandBytes, 65)))).toThrow(/too long.*32 KiB/);
});
