import { sha256Base64url } from "@postern/protocol";
import { Problem } from "../http/problems.ts";
import type { Tx } from "../schema.ts";
import { tokenLimits } from "./limits.ts";

/** A request to generate that carries an `Idempotency-Key`: the principal's own name for it. */
export interface TokenRequest {
  readonly principalId: string;
  readonly idempotencyKey: string;
  readonly body: object;
}

/**
 * Enters the request as the one that makes token `tokenId`, or gives the id of the token that its first sending made.
 *
 * @throws {Problem} idempotency_key_reused: the first one had another body
 */
export async function enterRequest(
  tx: Tx,
  { principalId, idempotencyKey, body }: TokenRequest,
  tokenId: string,
  now: number,
): Promise<string> {
  await tx
    .deleteFrom("token_request")
    .where("principal_id", "=", principalId)
    .where("created_at", "<=", now - tokenLimits.idempotencyMs)
    .execute();
  const bodyDigest = digestOf(body);
  await tx
    .insertInto("token_request")
    .values({
      principal_id: principalId,
      idempotency_key: idempotencyKey,
      body_sha256: bodyDigest,
      token_id: tokenId,
      created_at: now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const first = await tx
    .selectFrom("token_request")
    .select(["token_id", "body_sha256"])
    .where("principal_id", "=", principalId)
    .where("idempotency_key", "=", idempotencyKey)
    .executeTakeFirstOrThrow();
  if (first.body_sha256 !== bodyDigest) throw new Problem("idempotency_key_reused");
  return first.token_id;
}

/** The order of members says nothing. */
function digestOf(body: object): string {
  return sha256Base64url(JSON.stringify(Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1))));
}
