import { timingSafeEqual } from "node:crypto";
import { sha256Base64url } from "@postern/protocol";
import { type AgentTokenClaims, mint } from "@postern/token";
import type { ClusterKeys } from "../keys/cluster-keys.ts";
import type { AgentTokenTable } from "./tables.ts";
import { agreesWithClaims } from "./token-records.ts";

/** What stands in the database is not what was signed. */
export class TokenRecordAltered extends Error {
  override readonly name = "TokenRecordAltered";

  constructor(tokenId: string, options?: ErrorOptions) {
    super(`the record of token ${tokenId} does not give the token that was issued`, options);
  }
}

/**
 * Makes the token of a record again: signs the stored claims with the same key and compares the digest.
 *
 * So a stolen database holds no token, and a changed row gives none: neither other claims, nor another key, nor a
 * record that names another target.
 *
 * @throws {TokenRecordAltered}
 */
export async function revealToken(record: AgentTokenTable, keys: ClusterKeys): Promise<string> {
  const signer = keys.tokenSignerOf(record.kid);
  const claims = claimsOf(record);
  if (signer === null || claims === undefined) throw new TokenRecordAltered(record.id);
  const token = await mint(claims, signer).catch((cause: unknown) => {
    throw new TokenRecordAltered(record.id, { cause });
  });
  if (!isEqual(sha256Base64url(token), record.token_sha256)) throw new TokenRecordAltered(record.id);
  return token;
}

function claimsOf(record: AgentTokenTable): AgentTokenClaims | undefined {
  try {
    const claims = JSON.parse(record.claims) as AgentTokenClaims;
    return agreesWithClaims(record, claims) ? claims : undefined;
  } catch {
    return undefined;
  }
}

function isEqual(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
