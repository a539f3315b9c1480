import { createPrivateKey } from "node:crypto";
import type { Signer } from "@postern/token";
import { signerOf } from "../src/ed25519.ts";

/** Keys whose secret is one byte, thirty-two times: everybody knows them, nobody may trust them. */
function fixedKey(byte: number): Signer {
  const seed = byte.toString(16).padStart(2, "0").repeat(32);
  const der = Buffer.from(`302e020100300506032b657004220420${seed}`, "hex");
  return signerOf(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
}

export const rootKey = fixedKey(0x01);
export const secondRootKey = fixedKey(0x02);
export const tokenKey = fixedKey(0x03);
export const configKey = fixedKey(0x04);
export const nextConfigKey = fixedKey(0x05);
export const identityKey = fixedKey(0x06);
export const nextIdentityKey = fixedKey(0x09);
export const nextRootKey = fixedKey(0x07);
export const lastRootKey = fixedKey(0x08);
export const attackerKey = fixedKey(0x66);
