import { issuerOf, type VerifyKey } from "@postern/token";
import type { Db } from "../schema.ts";
import {
  type CheckpointClaims,
  CheckpointRefused,
  digestOfCheckpoint,
  digestOfHeads,
  leafOf,
  openCheckpoint,
} from "./checkpoint.ts";
import { readNewest } from "./checkpoints.ts";
import { type CheckpointFault, checkpointFault } from "./faults.ts";
import type { AuditCheckpointHeadTable, AuditCheckpointTable } from "./tables.ts";

export interface CheckpointsVerdict {
  /** The number of the newest checkpoint; 0 when there is none. */
  readonly newest: number;
  readonly fault: CheckpointFault | null;
}

export interface CheckpointKeys {
  readonly clusterId: string;
  /** The cluster's audit keys, from the key store and not from the database, which is what is being judged. */
  readonly auditKeys: ReadonlyMap<string, VerifyKey>;
}

/** Each costs a signature; other requests have their turn after so many. */
const pageRows = 100;

/** Verifies every stored checkpoint: its signature, its place, and that the heads stored beside it are those it signs. */
export async function verifyCheckpoints(db: Db, keys: CheckpointKeys): Promise<CheckpointsVerdict> {
  const newest = await readNewest(db);
  const leaves = new Map<string, { readonly seq: number; readonly leaf: string }>();
  let n = 0;
  let prev = "0".repeat(64);
  let kid: string | undefined;
  let nextKid: string | undefined;
  const verdict = (fault: CheckpointFault | null): CheckpointsVerdict => ({ newest: newest.n, fault });

  for (;;) {
    const page = await db
      .selectFrom("audit_checkpoint")
      .selectAll()
      .where("n", ">", n)
      .where("n", "<=", newest.n)
      .orderBy("n")
      .limit(pageRows)
      .execute();
    const heads = await readHeads(db, n, page.at(-1)?.n ?? n);
    for (const row of page) {
      if (row.n !== n + 1) return verdict(checkpointFault(n + 1, "gap", `Checkpoint ${n + 1} is missing.`));
      const claims = openStored(row, keys);
      if (claims instanceof CheckpointRefused) {
        return verdict(checkpointFault(row.n, "refused", `Checkpoint ${row.n} proves nothing: ${claims.message}.`));
      }
      const inOrder = claims.n === row.n && claims.prev === prev && claims.iss === issuerOf(keys.clusterId);
      if (!inOrder || claims.iat !== Math.floor(row.at / 1000)) {
        return verdict(checkpointFault(row.n, "wrong_order", `Checkpoint ${row.n} does not follow the one before it.`));
      }
      if (kid !== undefined && row.kid !== kid && row.kid !== nextKid) {
        const detail = `Checkpoint ${row.n} is signed with another audit key, and no checkpoint before names that one.`;
        return verdict(checkpointFault(row.n, "unvouched_key", detail));
      }
      if (row.kid !== kid) [kid, nextKid] = [row.kid, undefined];
      nextKid = claims.next ?? nextKid;
      for (const head of heads.get(row.n) ?? []) {
        const before = leaves.get(head.chain)?.seq ?? 0;
        if (head.seq <= before) return verdict(wrongHeads(row.n));
        leaves.set(head.chain, { seq: head.seq, leaf: leafOf(head) });
      }
      const digest = digestOfHeads([...leaves.values()].map(({ leaf }) => leaf));
      if (claims.chains !== leaves.size || claims.heads !== digest) return verdict(wrongHeads(row.n));
      n = row.n;
      prev = digestOfCheckpoint(row.jws);
    }
    if (page.length < pageRows) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (n < newest.n) {
    return verdict(checkpointFault(n + 1, "cut_tail", `The checkpoints from ${n + 1} to ${newest.n} are missing.`));
  }
  if (n > 0 && prev !== newest.digest) {
    return verdict(checkpointFault(n, "cut_tail", `Checkpoint ${n} is not the newest that was made.`));
  }
  return verdict(await findBeyondNewest(db));
}

function openStored(row: AuditCheckpointTable, { auditKeys }: CheckpointKeys): CheckpointClaims | CheckpointRefused {
  try {
    return openCheckpoint(row.jws, (kid) => (kid === row.kid ? auditKeys.get(kid) : undefined));
  } catch (error) {
    if (error instanceof CheckpointRefused) return error;
    throw error;
  }
}

function wrongHeads(n: number): CheckpointFault {
  return checkpointFault(n, "wrong_heads", `The heads stored with checkpoint ${n} are not those that it signs.`);
}

/** The heads that were new in the checkpoints after `from`, up to and with `to`. */
async function readHeads(db: Db, from: number, to: number) {
  const rows: AuditCheckpointHeadTable[] = await db
    .selectFrom("audit_checkpoint_head")
    .selectAll()
    .where("n", ">", from)
    .where("n", "<=", to)
    .execute();
  return Map.groupBy(rows, (row) => row.n);
}

/** Rows that no checkpoint accounts for. The newest number is read last, since it is written together with them. */
async function findBeyondNewest(db: Db): Promise<CheckpointFault | null> {
  const head = await db
    .selectFrom("audit_checkpoint_head")
    .select((row) => row.fn.max("n").as("n"))
    .executeTakeFirst();
  const row = await db
    .selectFrom("audit_checkpoint")
    .select((all) => all.fn.max("n").as("n"))
    .executeTakeFirst();
  const newest = await readNewest(db);
  const last = Math.max(head?.n ?? 0, row?.n ?? 0);
  if (last <= newest.n) return null;
  return checkpointFault(
    newest.n + 1,
    "beyond_newest",
    `Checkpoint ${last} stands after the newest one: it was added.`,
  );
}
