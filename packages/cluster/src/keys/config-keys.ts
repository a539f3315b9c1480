import { verifyKeyOf } from "@postern/protocol";
import type { PublicJwk, VerifyKey } from "@postern/token";
import type { Db } from "../schema.ts";

/**
 * All config keys that the cluster ever had, but for those that somebody else may have. They verify what the cluster itself
 * signed long ago; agents trust only those of the trust bundle.
 */
export async function findConfigKeys(db: Db): Promise<ReadonlyMap<string, VerifyKey>> {
  const rows = await db
    .selectFrom("signing_key")
    .select(["kid", "public_jwk"])
    .where("use", "=", "config")
    .where("state", "!=", "compromised")
    .execute();
  return new Map(rows.map(({ kid, public_jwk }) => [kid, verifyKeyOf(JSON.parse(public_jwk) as PublicJwk)]));
}
