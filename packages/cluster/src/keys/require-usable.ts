import { Problem } from "../http/problems.ts";
import type { Tx } from "../schema.ts";

/**
 * The last look before something that a token key signed leaves: another node may have withdrawn the key since this one
 * last looked, and that must hold at once.
 *
 * @throws {Problem} token_key_withdrawn
 */
export async function requireUsableTokenKey(tx: Tx, kid: string): Promise<void> {
  const row = await tx
    .selectFrom("signing_key")
    .leftJoin("key_copy", "key_copy.kid", "signing_key.kid")
    .select(["use", "state", "destroyed_at"])
    .where("signing_key.kid", "=", kid)
    .executeTakeFirst();
  const isUsable = row?.use === "token" && row.state !== "compromised" && row.destroyed_at === null;
  if (!isUsable) throw new Problem("token_key_withdrawn");
}
