import type { CommitLane } from "../db/commit-lane.ts";
import { dbLimits } from "../db/limits.ts";
import { requireUsableTokenKeys } from "../keys/require-usable.ts";
import type { Database } from "../schema.ts";
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
    for (let start = 0; start < records.length; start += dbLimits.maxRowsPerStatement) {
      await tx
        .insertInto("agent_token")
        .values(records.slice(start, start + dbLimits.maxRowsPerStatement))
        .execute();
    }
  },
};
