import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FileSystem, nodeFileSystem } from "@postern/agent";
import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryDisk } from "./memory-disk.ts";

const name = fc.constantFrom("a", "b", "c");
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.nat(12).map((length) => new Uint8Array(length)),
);
const operation = fc.oneof(
  fc.record({ op: fc.constant("write" as const), name, offset: fc.nat(8), bytes }),
  fc.record({ op: fc.constant("rename" as const), name, to: name }),
  fc.record({ op: fc.constant("link" as const), name, to: name }),
  fc.record({ op: fc.constant("remove" as const), name }),
);

type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

function perform(fs: FileSystem, folder: string, did: Operation): string {
  const path = (file: string) => join(folder, file);
  try {
    if (did.op === "write") fs.write(path(did.name), did.offset, did.bytes);
    else if (did.op === "remove") fs.remove(path(did.name));
    else fs[did.op](path(did.name), path(did.to));
    return "done";
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

test("a disk in memory holds what a real one would after any sequence of writes, renames, links and removals", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 20 }), (operations) => {
      const folder = mkdtempSync(join(tmpdir(), "postern-disk-"));
      const memory = memoryDisk();
      try {
        for (const each of operations) {
          expect(perform(memory, folder, each)).toBe(perform(nodeFileSystem, folder, each));
          for (const file of ["a", "b", "c"]) {
            const path = join(folder, file);
            expect(memory.size(path)).toBe(nodeFileSystem.size(path));
            expect(memory.read(path) && [...(memory.read(path) ?? [])]).toEqual(
              nodeFileSystem.read(path) && [...(nodeFileSystem.read(path) ?? [])],
            );
          }
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }),
    { numRuns: 60 },
  );
});

test("what is set aside as zeros takes no memory", () => {
  const memory = memoryDisk();
  const zeros = new Uint8Array(256 * 1024);
  const before = process.memoryUsage().arrayBuffers;
  for (let file = 0; file < 200; file++) memory.write(`f${file}`, 0, zeros);
  expect(memory.size("f7")).toBe(256 * 1024);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(zeros.length);
});
