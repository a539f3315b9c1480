import type { Db } from "../schema.ts";
import { type AuditBody, firstLink, linkOf } from "./entry.ts";
import type { AuditEntryTable } from "./tables.ts";

/** What is wrong with a chain, at its first entry where something is. */
export type ChainFault = "gap" | "wrong_link" | "changed_columns" | "unreadable" | "wrong_head";

export interface ChainVerdict {
  readonly chain: string;
  /** Entries that were found intact before the fault, or all. */
  readonly entries: number;
  readonly head: string;
  readonly fault: { readonly seq: number; readonly code: ChainFault } | null;
}

const pageRows = 500;

/**
 * Recomputes a chain from its stored bytes: an entry that was changed, removed or put elsewhere shows. Somebody who can
 * write the database can recompute a whole chain or cut its tail and set the head back; that only shows against a head
 * kept elsewhere.
 */
export async function verifyChain(db: Db, chain: string): Promise<ChainVerdict> {
  const head = await db.selectFrom("audit_chain").select(["seq", "hash"]).where("chain", "=", chain).executeTakeFirst();
  let seq = 0;
  let link = firstLink;
  const verdict = (at: number, code: ChainFault): ChainVerdict => ({
    chain,
    entries: seq,
    head: link,
    fault: { seq: at, code },
  });

  for (;;) {
    const rows = await db
      .selectFrom("audit_entry")
      .selectAll()
      .where("chain", "=", chain)
      .where("seq", ">", seq)
      .where("seq", "<=", head?.seq ?? 0) // what is written meanwhile belongs to the next verification
      .orderBy("seq")
      .limit(pageRows)
      .execute();
    for (const row of rows) {
      if (row.seq !== seq + 1) return verdict(seq + 1, "gap");
      if (row.hash !== linkOf(link, row.body)) return verdict(row.seq, "wrong_link");
      const fault = compareColumns(row);
      if (fault !== null) return verdict(row.seq, fault);
      seq = row.seq;
      link = row.hash;
    }
    if (rows.length < pageRows) break;
    await new Promise((resolve) => setImmediate(resolve)); // long chains must not stop other requests
  }
  if (head !== undefined && (head.seq !== seq || head.hash !== link)) return verdict(head.seq, "wrong_head");
  if (head === undefined && (await hasEntries(db, chain))) return verdict(1, "wrong_head");
  return { chain, entries: seq, head: link, fault: null };
}

/** Every chain there is, also one whose head was removed. */
export async function listChains(db: Db): Promise<string[]> {
  const heads = await db.selectFrom("audit_chain").select("chain").execute();
  const written = await db.selectFrom("audit_entry").select("chain").distinct().execute();
  return [...new Set([...heads, ...written].map((row) => row.chain))].sort();
}

function compareColumns(row: AuditEntryTable): ChainFault | null {
  let body: AuditBody;
  try {
    body = JSON.parse(row.body) as AuditBody;
  } catch {
    return "unreadable";
  }
  const same =
    body.chain === row.chain &&
    body.seq === row.seq &&
    body.id === row.id &&
    Date.parse(body.at) === row.at &&
    body.action === row.action &&
    body.outcome === row.outcome &&
    (body.who.id ?? "") === row.who_id &&
    (body.target?.id ?? "") === row.target_id;
  return same ? null : "changed_columns";
}

async function hasEntries(db: Db, chain: string): Promise<boolean> {
  const row = await db.selectFrom("audit_entry").select("seq").where("chain", "=", chain).limit(1).executeTakeFirst();
  return row !== undefined;
}
