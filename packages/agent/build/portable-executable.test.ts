import { expect, test } from "vitest";
import { BuildError } from "./dependencies.ts";
import { withoutSignature, withSectionsOnPages } from "./portable-executable.ts";

const header = 0x40;
const optional = header + 24;
const sectionsAt = optional + 240;
const fileAlignment = 0x200;

/** A small executable: two sections behind 512 bytes of headers, the second with a debug entry about the first. */
function executable(signature = Buffer.alloc(0)): Buffer {
  const file = Buffer.alloc(0x200 + 0x200 + 0x400);
  file.writeUInt32LE(header, 0x3c);
  file.write("PE\0\0", header, "latin1");
  file.writeUInt16LE(2, header + 6);
  file.writeUInt16LE(240, header + 20);
  file.writeUInt16LE(0x20b, optional);
  file.writeUInt32LE(fileAlignment, optional + 36);
  file.writeUInt32LE(0x200, optional + 60);
  if (signature.length > 0) directory(file, 4, file.length, signature.length);
  directory(file, 6, 0x2010, 28);
  section(file, 0, { address: 0x1000, size: 0x200, position: 0x200 });
  section(file, 1, { address: 0x2000, size: 0x400, position: 0x400 });
  file.fill("code", 0x200, 0x400);
  file.fill("data", 0x400, 0x800);
  file.writeUInt32LE(0x1020, 0x410 + 20);
  file.writeUInt32LE(0x220, 0x410 + 24);
  return Buffer.concat([file, signature]);
}

function directory(file: Buffer, index: number, address: number, size: number): void {
  file.writeUInt32LE(address, optional + 112 + index * 8);
  file.writeUInt32LE(size, optional + 112 + index * 8 + 4);
}

function section(file: Buffer, index: number, of: { address: number; size: number; position: number }): void {
  const at = sectionsAt + index * 40;
  file.writeUInt32LE(of.address, at + 12);
  file.writeUInt32LE(of.size, at + 16);
  file.writeUInt32LE(of.position, at + 20);
}

test("moves each section to a page of the file, and keeps what it holds and where it is in memory", () => {
  const moved = withSectionsOnPages(executable());
  expect(moved).toHaveLength(3 * 4096);
  expect(moved.readUInt32LE(optional + 36)).toBe(4096);
  expect(moved.readUInt32LE(optional + 60)).toBe(4096);
  for (const [index, address, position] of [
    [0, 0x1000, 0x1000],
    [1, 0x2000, 0x2000],
  ] as const) {
    const at = sectionsAt + index * 40;
    expect([moved.readUInt32LE(at + 12), moved.readUInt32LE(at + 16), moved.readUInt32LE(at + 20)]).toEqual([
      address,
      4096,
      position,
    ]);
  }
  expect(moved.subarray(0x1000, 0x1200)).toEqual(executable().subarray(0x200, 0x400));
  expect(moved.subarray(0x1200, 0x2000)).toEqual(Buffer.alloc(0xe00));
  expect(moved.toString("latin1", 0x2000, 0x2004)).toBe("data");
});

test("what a debug entry speaks of is found where it has gone", () => {
  const moved = withSectionsOnPages(executable());
  expect(moved.readUInt32LE(0x2010 + 24)).toBe(0x1020);
});

test("a signed executable is not changed; without its signature it is the unsigned one", () => {
  const signed = executable(Buffer.from("a signature"));
  expect(() => withSectionsOnPages(signed)).toThrow(BuildError);
  expect(withoutSignature(signed)).toEqual(executable());
});

test("what is no 64-bit Windows executable is refused", () => {
  const file = executable();
  file.writeUInt16LE(0x10b, optional);
  expect(() => withSectionsOnPages(file)).toThrow(BuildError);
  expect(() => withoutSignature(file)).toThrow(BuildError);
});
