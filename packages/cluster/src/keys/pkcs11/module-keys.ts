import { thumbprintOf } from "@postern/protocol";
import type { PublicJwk, Signer } from "@postern/token";
import type { KeyStore } from "../key-store.ts";
import type { KeyUse } from "../tables.ts";
import type { Pkcs11Module } from "./module.ts";

/** What lives in the module, when there is one: keys that make tokens and those that vouch for all others. */
const moduleUses: readonly KeyUse[] = ["root", "token"];

/**
 * A key store whose new root and token keys are made in a PKCS#11 module and never leave it. Keys that are in files
 * already go on being used from there until they are rotated.
 */
export function withModule(files: KeyStore, module: Pkcs11Module): KeyStore {
  const isInFiles = (kid: string) => files.has(kid);
  return {
    ...files,
    async create(use) {
      if (!moduleUses.includes(use)) return files.create(use);
      for (;;) {
        const publicKey = await module.generate(use, (bytes) => idOf(thumbprintOf(jwkOf(bytes))));
        const signer = signerIn(module, use, publicKey);
        // As with keys in files: no key id begins like a flag of a command line.
        if (!signer.kid.startsWith("-")) return signer;
        await module.destroy(idOf(signer.kid));
      }
    },
    async load(kid, use) {
      if (!moduleUses.includes(use) || (await isInFiles(kid))) return files.load(kid, use);
      const publicKey = await module.publicKeyOf(use, idOf(kid));
      return publicKey === undefined ? files.load(kid, use) : signerIn(module, use, publicKey);
    },
    async has(kid) {
      if (await isInFiles(kid)) return true;
      const found = await Promise.all(moduleUses.map((use) => module.publicKeyOf(use, idOf(kid))));
      return found.some((publicKey) => publicKey !== undefined);
    },
    async sealedCopy(kid) {
      return (await isInFiles(kid)) ? files.sealedCopy(kid) : null;
    },
    async destroy(kid) {
      await files.destroy(kid);
      await module.destroy(idOf(kid));
    },
    async close() {
      await module.close();
      await files.close();
    },
  };
}

function signerIn(module: Pkcs11Module, use: KeyUse, publicKey: Uint8Array): Signer {
  const publicJwk = jwkOf(publicKey);
  const kid = thumbprintOf(publicJwk);
  const id = idOf(kid);
  return { kid, alg: "Ed25519", publicJwk, sign: (message) => module.sign(use, id, message) };
}

function jwkOf(publicKey: Uint8Array): PublicJwk {
  return { kty: "OKP", crv: "Ed25519", x: Buffer.from(publicKey).toString("base64url") };
}

/** A thumbprint's bytes. */
function idOf(kid: string): Uint8Array {
  return Buffer.from(kid, "base64url");
}
