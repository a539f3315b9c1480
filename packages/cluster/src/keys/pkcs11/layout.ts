import { Arena, type Cryptoki } from "./cryptoki.ts";

// The structures of PKCS#11 as bytes, for this platform's width of CK_ULONG.

/** Attributes of an object, each with its value in the form of our side. */
export type Template = readonly (readonly [type: number, value: boolean | number | string | Uint8Array])[];

/** Gives `work` the address of the template, for as long as it runs. */
export async function withTemplate<Result>(
  cryptoki: Cryptoki,
  template: Template,
  work: (address: bigint) => Promise<Result>,
): Promise<Result> {
  return withArena((arena) => work(templateIn(cryptoki, arena, template).address));
}

/** A template in the arena's memory. */
export function templateIn(cryptoki: Cryptoki, arena: Arena, template: Template) {
  const values = template.map(([type, value]) => {
    const content = bytesOf(cryptoki, value);
    return { type, address: arena.hold(content).address, length: content.length };
  });
  return templateAt(cryptoki, arena, values);
}

/** An array of CK_ATTRIBUTE: type, pointer, length. On Windows `CK_ULONG` has four bytes, and nothing is padded. */
export function templateAt(
  cryptoki: Cryptoki,
  arena: Arena,
  values: readonly { readonly type: number; readonly address: bigint; readonly length: number }[],
) {
  const size = attributeBytes(cryptoki);
  const bytes = new Uint8Array(values.length * size);
  for (const [index, { type, address, length }] of values.entries()) {
    writeUlong(cryptoki, bytes, index * size, type);
    new DataView(bytes.buffer).setBigUint64(index * size + cryptoki.ulongBytes, address, true);
    writeUlong(cryptoki, bytes, index * size + lengthOffset(cryptoki), length);
  }
  return arena.hold(bytes);
}

function attributeBytes(cryptoki: Cryptoki): number {
  return lengthOffset(cryptoki) + cryptoki.ulongBytes;
}

/** Where in a CK_ATTRIBUTE its length stands; a module writes it there when it gives a value. */
export function lengthOffset({ ulongBytes }: Cryptoki): number {
  return ulongBytes + 8;
}

/** A CK_MECHANISM without parameters. */
export function mechanismIn(cryptoki: Cryptoki, arena: Arena, mechanism: number): bigint {
  const bytes = new Uint8Array(attributeBytes(cryptoki));
  writeUlong(cryptoki, bytes, 0, mechanism);
  return arena.hold(bytes).address;
}

function bytesOf(cryptoki: Cryptoki, value: Template[number][1]): Uint8Array {
  if (typeof value === "boolean") return Uint8Array.of(value ? 1 : 0);
  if (typeof value === "string") return Buffer.from(value, "utf8");
  if (typeof value !== "number") return value;
  const bytes = new Uint8Array(cryptoki.ulongBytes);
  writeUlong(cryptoki, bytes, 0, value);
  return bytes;
}

/** Writes a CK_ULONG at `offset` of `bytes`. */
export function writeUlong({ ulongBytes }: Cryptoki, bytes: Uint8Array, offset: number, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (ulongBytes === 8) view.setBigUint64(offset, BigInt(value), true);
  else view.setUint32(offset, value, true);
}

/** Reads the CK_ULONG at `offset` of `bytes`. */
export function readUlong({ ulongBytes }: Cryptoki, bytes: Uint8Array, offset = 0): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return ulongBytes === 8 ? view.getBigUint64(offset, true) : BigInt(view.getUint32(offset, true));
}

/** Memory that does not move while the module works with it, and is freed after `work`. */
export async function withArena<Result>(work: (arena: Arena) => Promise<Result>): Promise<Result> {
  const arena = new Arena();
  try {
    return await work(arena);
  } finally {
    arena.free();
  }
}
