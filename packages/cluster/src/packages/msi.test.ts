import fc from "fast-check";
import { expect, test } from "vitest";
import { NoCompoundFile, type ReadBytes } from "./compound-file.ts";
import { sampleMsi } from "./msi.fixture.ts";
import { readMsi } from "./msi.ts";

const readerOf =
  (bytes: Buffer): ReadBytes =>
  async (offset, length) =>
    bytes.subarray(offset, offset + length);

test("reads the properties and the kind of machine of a package that wixl has made", async () => {
  const { properties, arch } = await readMsi(readerOf(sampleMsi()));
  expect(arch).toBe("x64");
  expect(Object.fromEntries(properties)).toMatchObject({
    ProductName: "Postern Agent",
    ProductVersion: "1.4.0",
    UpgradeCode: "{6C2F8E0A-4A0B-4B52-9C0E-3B7D51C4E9A7}",
  });
});

test.each([
  { what: "nothing", bytes: Buffer.alloc(0) },
  { what: "a text", bytes: Buffer.from("MZ, or something else that is no package".repeat(100)) },
  { what: "only the beginning of a package", bytes: sampleMsi().subarray(0, 2_000) },
  { what: "a compound file without tables", bytes: sampleMsi().fill(0, 1_024) },
])("refuses $what", async ({ bytes }) => {
  await expect(readMsi(readerOf(bytes))).rejects.toThrow(NoCompoundFile);
});

test("of spoiled packages reads something or refuses, and reads no more than a few times the file", async () => {
  const whole = sampleMsi();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(127), fc.constantFrom(0, 1, 0x7f_ff_ff_ff, 0xff_ff_ff_fe, 0xff_ff_ff_ff)), {
        maxLength: 4,
      }),
      async (bytes, headerWords) => {
        const spoiled = Buffer.from(whole);
        for (const [at, value] of bytes) spoiled[at] = value;
        for (const [word, value] of headerWords) spoiled.writeUInt32LE(value, 4 * word);
        whole.copy(spoiled, 0, 0, 8);
        let reads = 0;
        const counting: ReadBytes = async (offset, length) => {
          reads += 1;
          return readerOf(spoiled)(offset, length);
        };
        await readMsi(counting).catch((error: unknown) => {
          if (!(error instanceof NoCompoundFile)) throw error;
        });
        expect(reads).toBeLessThan(100_000);
      },
    ),
    { numRuns: 300 },
  );
});
