import { expect, test } from "vitest";
import { clientOpening, serverModes } from "./pipe-opening.ts";
import { pipeDescriptor } from "./security-descriptors.ts";

const firstInstance = 0x80000;
const rejectRemote = 0x8;

test("the descriptor is the design's, word for word", () => {
  expect(pipeDescriptor).toBe("D:P(A;;GA;;;SY)(A;;0x12019B;;;BA)");
});

test("only the first instance has to be the pipe's first, and none takes clients of another machine", () => {
  expect([true, false].map((isFirst) => (serverModes(isFirst).open & firstInstance) !== 0)).toEqual([true, false]);
  for (const isFirst of [true, false]) expect(serverModes(isFirst).pipe & rejectRemote).toBe(rejectRemote);
});

test("a client asks for no more than administrators are given, and lets the server identify it only", () => {
  expect(clientOpening.rights).toBe(0x12019b);
  const securityQuality = 0x1f0000;
  const [present, identification] = [0x100000, 0x10000];
  expect(clientOpening.flags & securityQuality).toBe(present | identification);
});
