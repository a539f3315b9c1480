import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PublicJwk, VerifyKey } from "../src/signing.ts";
import type { UnixSeconds } from "../src/unix-seconds.ts";
import type { VerifyContext } from "../src/verify.ts";

/** One file of vectors, as committed. */
export function readVectors<Content>(name: string): Content {
  return JSON.parse(readFileSync(join(import.meta.dirname, name), "utf8"));
}

/** What `valid.json` and `refused.json` have in common: the agent that the tokens are held against, and its keys. */
export interface TokenVectors<Case> {
  readonly agent: { readonly clusterId: string; readonly tenantId: string; readonly agentId: string };
  readonly tokenKeys: readonly (PublicJwk & { readonly kid: string })[];
  readonly cases: readonly Case[];
}

/** The context in which a case is verified. */
export function contextOf(
  vectors: Pick<TokenVectors<unknown>, "agent" | "tokenKeys">,
  { now, challenge }: { readonly now: number; readonly challenge?: string },
): VerifyContext {
  const tokenKeys = new Map(vectors.tokenKeys.map((key) => [key.kid, verifyKeyOf(key)]));
  return {
    ...vectors.agent,
    tokenKeys,
    now: now as UnixSeconds,
    ...(challenge === undefined ? {} : { challenge }),
  };
}

function verifyKeyOf({ kid, ...jwk }: PublicJwk & { readonly kid: string }): VerifyKey {
  const key = createPublicKey({ format: "jwk", key: { ...jwk } });
  return { kid, verify: (message, signature) => verify(null, message, key, signature) };
}
