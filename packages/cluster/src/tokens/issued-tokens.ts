import type { CommitLane } from "../db/commit-lane.ts";
import { keepInsert } from "../db/kept-query.ts";
import { requireUsableTokenKeys } from "../keys/require-usable.ts";
import type { Database, Db } from "../schema.ts";
import type { AgentTokenTable } from "./tables.ts";

/**
 * Enters the records of tokens that are about to leave, all of one transaction together. It stands at the transaction's end, so a key
 * that is withdrawn in this very moment is seen, whoever came first.
 *
 * Refuses with token_key_withdrawn.
 */
export const issuedTokens: CommitLane<Database, AgentTokenTable> = {
  name: "agent-token",
  async append(tx, records) {
    await requireUsableTokenKeys(
      tx,
      records.map(({ kid }) => kid),
    );
    await insertTokens(tx, records);
  },
};

const insertTokens = keepInsert((db: Db, records: readonly AgentTokenTable[]) =>
  db.insertInto("agent_token").values(records),
);
