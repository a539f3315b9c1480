import { type KeyObject, sign } from "node:crypto";
import { signerOf } from "@postern/protocol";
import type { Signer } from "@postern/token";

/**
 * A signer over a private key that is in this process, which signs on Node's pool of threads: a signature takes as long as
 * all else that a request for a token needs, and meanwhile the event loop serves others.
 *
 * @throws {TypeError} not an Ed25519 private key
 */
export function pooledSignerOf(privateKey: KeyObject): Signer {
  return {
    ...signerOf(privateKey),
    sign: (message) =>
      new Promise((resolve, reject) => {
        sign(null, message, privateKey, (error, signature) => {
          if (error) reject(error);
          else resolve(signature);
        });
      }),
  };
}
