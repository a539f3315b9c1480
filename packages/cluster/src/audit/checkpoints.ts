import { issuerOf, parseCompact, type Signer } from "@postern/token";
import type { Clock } from "../clock.ts";
import { dbLimits } from "../db/limits.ts";
import type { Db, Store } from "../schema.ts";
import {
  type ChainHead,
  type CheckpointFile,
  digestOfCheckpoint,
  digestOfHeads,
  leafOf,
  sealCheckpoint,
} from "./checkpoint.ts";
import type { AuditCheckpointTable } from "./tables.ts";

/** The stored checkpoints are not those that this node has signed or seen before. Nothing is signed on top of them. */
export class CheckpointsAltered extends Error {
  override readonly name = "CheckpointsAltered";
}

export interface CheckpointsOptions {
  readonly store: Pick<Store, "reads" | "durable">;
  readonly clock: Clock;
  readonly clusterId: string;
  /** The audit keys as they are now. */
  readonly signers: () => Promise<AuditSigners>;
}

export interface AuditSigners {
  /** Signs checkpoints from the next one on. */
  readonly active: Signer;
  /** An older audit key, for vouching for the one that follows it; null: it is not here. */
  of(kid: string): Signer | null;
}

/** Signs where the chains stand. */
export interface Checkpoints {
  /**
   * Makes a checkpoint if a head has moved since the newest one.
   *
   * A head that went back is signed as it was: only a rising number is news, and verification names the rest.
   *
   * When the audit key is another than the one that signed the newest checkpoint, that one signs one more, which names
   * the new key: without it nobody could tell a rotation from a log that was signed anew.
   *
   * @returns its number, or null when nothing is new
   * @throws {CheckpointsAltered}
   */
  signHeads(): Promise<number | null>;
}

export function createCheckpoints({ store, clock, clusterId, signers }: CheckpointsOptions): Checkpoints {
  const { reads, durable } = store;
  /** The newest checkpoint that this node knows of, and all heads as signed by then. */
  let known = { n: 0, digest: "0".repeat(64) };
  const signed = new Map<string, ChainHead>();

  async function catchUp(): Promise<void> {
    const newest = await readNewest(reads);
    const wentBack = newest.n < known.n || (newest.n === known.n && newest.digest !== known.digest);
    if (wentBack) {
      throw new CheckpointsAltered(
        `The audit log's checkpoints were cut or exchanged: checkpoint ${known.n} is not the one that was signed.`,
      );
    }
    for await (const page of headPages(reads, known.n, newest.n)) {
      for (const { chain, seq, hash } of page) signed.set(chain, { chain, seq, hash });
    }
    known = newest;
  }

  /** Who signs the next checkpoint, and the key that it has to vouch for. */
  async function findSigner(): Promise<{ readonly signer: Signer; readonly next: string | null }> {
    const { active, of } = await signers();
    const newest = await reads
      .selectFrom("audit_checkpoint")
      .select(["kid", "jws"])
      .where("n", "=", known.n)
      .executeTakeFirst();
    if (newest === undefined || newest.kid === active.kid) return { signer: active, next: null };
    if (readNext(newest.jws) === active.kid) return { signer: active, next: null };
    const before = of(newest.kid);
    // Its private half is gone: then verification will say that nobody has vouched for the new one.
    return before === null ? { signer: active, next: null } : { signer: before, next: active.kid };
  }

  return {
    async signHeads() {
      await catchUp();
      const { signer, next } = await findSigner();
      const heads = await reads.selectFrom("audit_chain").select(["chain", "seq", "hash"]).orderBy("chain").execute();
      const moved = heads.filter(({ chain, seq }) => seq > (signed.get(chain)?.seq ?? 0));
      if (moved.length === 0 && next === null) return null;
      const all = new Map([...signed, ...moved.map((head) => [head.chain, head] as const)]);
      const n = known.n + 1;
      const at = clock.now();
      const jws = await sealCheckpoint(
        {
          iss: issuerOf(clusterId),
          iat: Math.floor(at / 1000),
          n,
          prev: known.digest,
          chains: all.size,
          heads: digestOfHeads([...all.values()].map(leafOf)),
          ...(next !== null && { next }),
        },
        signer,
      );
      await durable(async (tx) => {
        // The number is taken only once: of two nodes that sign at the same time, one fails here.
        await tx.insertInto("audit_checkpoint").values({ n, at, kid: signer.kid, jws }).execute();
        for (let start = 0; start < moved.length; start += dbLimits.maxRowsPerStatement) {
          const rows = moved.slice(start, start + dbLimits.maxRowsPerStatement);
          await tx
            .insertInto("audit_checkpoint_head")
            .values(rows.map(({ chain, seq, hash }) => ({ chain, seq, hash, n })))
            .execute();
        }
        await tx
          .updateTable("audit_newest_checkpoint")
          .set({ n, digest: digestOfCheckpoint(jws) })
          .execute();
      });
      return n;
    },
  };
}

/** The key that a checkpoint of our own names as the next one; its digest was compared already. */
function readNext(jws: string): string | undefined {
  return parseCompact(jws, jws.length)?.payload()?.["next"] as string | undefined;
}

export async function readNewest(db: Db): Promise<{ n: number; digest: string }> {
  const row = await db.selectFrom("audit_newest_checkpoint").select(["n", "digest"]).executeTakeFirst();
  return row ?? { n: 0, digest: "" };
}

/** The heads that were new in the checkpoints after `from`, up to and with `to`, page by page in their order. */
export async function* headPages(db: Db, from: number, to: number) {
  let after = { n: from, chain: "\u{10ffff}" };
  for (;;) {
    const page = await db
      .selectFrom("audit_checkpoint_head")
      .selectAll()
      .where((row) =>
        row.or([row("n", ">", after.n), row.and([row("n", "=", after.n), row("chain", ">", after.chain)])]),
      )
      .where("n", "<=", to)
      .orderBy("n")
      .orderBy("chain")
      .limit(dbLimits.maxRowsPerStatement)
      .execute();
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < dbLimits.maxRowsPerStatement) return;
    after = last;
  }
}

/**
 * A checkpoint as it is to be kept outside.
 *
 * @param mayRead which chains' heads its reader may see; of the others there are leaves only
 */
export async function readCheckpointFile(
  db: Db,
  checkpoint: Pick<AuditCheckpointTable, "n" | "jws">,
  mayRead: (chain: string) => boolean,
): Promise<CheckpointFile> {
  const rows = await db
    .selectFrom("audit_checkpoint_head as head")
    .innerJoin(
      db
        .selectFrom("audit_checkpoint_head")
        .select((row) => ["chain", row.fn.max("seq").as("seq")])
        .where("n", "<=", checkpoint.n)
        .groupBy("chain")
        .as("newest"),
      (join) => join.onRef("newest.chain", "=", "head.chain").onRef("newest.seq", "=", "head.seq"),
    )
    .select(["head.chain", "head.seq", "head.hash"])
    .orderBy("head.chain")
    .execute();
  const heads = rows.filter(({ chain }) => mayRead(chain));
  const others = rows.filter(({ chain }) => !mayRead(chain));
  return { checkpoint: checkpoint.jws, heads, otherLeaves: others.map(leafOf).sort() };
}
