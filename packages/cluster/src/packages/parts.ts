import type { Db, Durable, Tx } from "../schema.ts";
import type { ReadBytes } from "./compound-file.ts";
import { packageLimits } from "./limits.ts";

/** Stores one part of a package's file, in a transaction of its own. */
export function storePart(durable: Durable, packageId: string, n: number, bytes: Buffer): Promise<void> {
  return durable(async (tx) => {
    await tx.insertInto("agent_package_part").values({ package_id: packageId, n, content: bytes }).execute();
  });
}

/** One part of a package's file; undefined: it is gone, or there is none so far. */
export async function readPart(db: Db, packageId: string, n: number): Promise<Buffer | undefined> {
  const row = await db
    .selectFrom("agent_package_part")
    .select("content")
    .where("package_id", "=", packageId)
    .where("n", "=", n)
    .executeTakeFirst();
  return row && Buffer.from(row.content.buffer, row.content.byteOffset, row.content.byteLength);
}

/** Reads from a package's file wherever one wants. Keeps the parts that it read last. */
export function partReader(db: Db, packageId: string): ReadBytes {
  const kept = new Map<number, Buffer>();
  const part = async (n: number): Promise<Buffer> => {
    const bytes = kept.get(n) ?? (await readPart(db, packageId, n)) ?? Buffer.alloc(0);
    kept.delete(n);
    kept.set(n, bytes);
    const [oldest] = kept.keys();
    if (kept.size > 8 && oldest !== undefined) kept.delete(oldest);
    return bytes;
  };
  return async (offset, length) => {
    const pieces: Buffer[] = [];
    let at = offset;
    while (at < offset + length) {
      const inPart = at % packageLimits.partBytes;
      const bytes = await part(Math.floor(at / packageLimits.partBytes));
      const piece = bytes.subarray(inPart, inPart + offset + length - at);
      if (piece.length === 0) break;
      pieces.push(piece);
      at += piece.length;
    }
    return Buffer.concat(pieces);
  };
}

export async function deleteParts(tx: Tx, packageId: string): Promise<void> {
  await tx.deleteFrom("agent_package_part").where("package_id", "=", packageId).execute();
}

/** Deletes the parts of uploads that were given up: their node died before it could. */
export async function deleteGivenUp({ reads, durable }: { reads: Db; durable: Durable }, now: number): Promise<void> {
  const rows = await reads
    .selectFrom("agent_package_part")
    .select("package_id")
    .distinct()
    .where("package_id", "<", firstIdOf(now - packageLimits.givenUpAfterMs))
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom("agent_package").select("id").whereRef("id", "=", "agent_package_part.package_id"))),
    )
    .execute();
  for (const { package_id } of rows) await durable((tx) => deleteParts(tx, package_id));
}

/** Ids begin with the time of their making (UUIDv7, RFC 9562 §5.7): those of that moment and later are not less than this. */
function firstIdOf(ms: number): string {
  const digits = Math.max(0, ms).toString(16).padStart(12, "0");
  return `${digits.slice(0, 8)}-${digits.slice(8)}`;
}
