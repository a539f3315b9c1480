import { keepQuery } from "../db/kept-query.ts";
import { Problem } from "../http/problems.ts";
import type { Db, Tx } from "../schema.ts";

/**
 * The last look before something that a token key signed leaves: another node may have withdrawn the key since this one
 * last looked, and that must hold at once.
 *
 * @throws {Problem} token_key_withdrawn
 */
export async function requireUsableTokenKey(tx: Tx, kid: string): Promise<void> {
  return requireUsableTokenKeys(tx, [kid]);
}

/**
 * The same for several at once.
 *
 * @throws {Problem} token_key_withdrawn: one of them
 */
export async function requireUsableTokenKeys(tx: Tx, kids: readonly string[]): Promise<void> {
  const wanted = [...new Set(kids)];
  const rows = await selectKeys(tx, { wanted });
  const usable = rows.filter(
    ({ use, state, destroyed_at }) => use === "token" && state !== "compromised" && destroyed_at === null,
  );
  if (usable.length !== wanted.length) throw new Problem("token_key_withdrawn");
}

const selectKeys = keepQuery((db: Db, { wanted }: { readonly wanted: readonly string[] }) =>
  db
    .selectFrom("signing_key")
    .leftJoin("key_copy", "key_copy.kid", "signing_key.kid")
    .select(["use", "state", "destroyed_at"])
    .where("signing_key.kid", "in", wanted),
);
