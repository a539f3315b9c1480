import { argon2 } from "node:crypto";

/** What one computation costs (RFC 9106 §3.1). */
export interface Argon2Cost {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly lanes: number;
}

/** RFC 9106 §4, second recommended option, on one lane: computations run beside each other, not on several cores each. */
export const usualCost: Argon2Cost = { memoryKiB: 64 * 1024, passes: 3, lanes: 1 };

/** Argon2id (RFC 9106) with a 32-byte result, computed off the main thread. */
export function argon2id(secret: Uint8Array, salt: Uint8Array, cost: Argon2Cost): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    argon2(
      "argon2id",
      {
        message: secret,
        nonce: salt,
        parallelism: cost.lanes,
        tagLength: 32,
        memory: cost.memoryKiB,
        passes: cost.passes,
      },
      (error, result) => (error ? reject(error) : resolve(result)),
    );
  });
}
