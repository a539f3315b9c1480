import fc from "fast-check";
import { expect, test } from "vitest";
import { LineReader, LineTooLong, toLine } from "./framing.ts";

test("gives back what was framed, however it is cut", () => {
  const message = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\n"));
  fc.assert(
    fc.property(message, fc.array(fc.nat(40), { minLength: 1 }), (text, cuts) => {
      const sent = Buffer.from(text, "utf8");
      const line = toLine(sent.toString("utf8"), sent.length);
      expect(readInPieces(line, cuts, sent.length)).toBe(sent.toString("utf8"));
    }),
  );
});

test("a line may fill the bound and not pass it", () => {
  expect(new LineReader(4).push(Buffer.from("abcd\n"))).toBe("abcd");
  expect(() => new LineReader(4).push(Buffer.from("abcde\n"))).toThrow(LineTooLong);
  expect(() => toLine("äb", 2)).toThrow(LineTooLong);
});

test("refuses an endless line as soon as it passes the bound", () => {
  const reader = new LineReader(10);
  expect(reader.push(Buffer.alloc(10, "x"))).toBeUndefined();
  expect(() => reader.push(Buffer.from("x"))).toThrow(LineTooLong);
});

test("frames no message that would be two", () => {
  expect(() => toLine("unprotect\nprotect", 100)).toThrow(LineTooLong);
});

function readInPieces(line: Buffer, cuts: readonly number[], maxBytes: number): string | undefined {
  const reader = new LineReader(maxBytes);
  let read: string | undefined;
  for (let at = 0, turn = 0; at < line.length && read === undefined; turn++) {
    const length = Math.max(1, cuts[turn % cuts.length] ?? 1);
    read = reader.push(line.subarray(at, at + length));
    at += length;
  }
  return read;
}
