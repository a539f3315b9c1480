import { hash } from "node:crypto";
import type { RandomBytes } from "../db/ids.ts";

/** What somebody shows to prove who he is: 256 random bits. */
export function newSecret(randomBytes: RandomBytes, prefix = ""): string {
  return prefix + Buffer.from(randomBytes(32)).toString("base64url");
}

/** How a secret is stored. It cannot be guessed, so no slow hash is needed. */
export function hashSecret(secret: string): string {
  return hash("sha256", secret, "base64url");
}

export const apiKeyPrefix = "pst_";
