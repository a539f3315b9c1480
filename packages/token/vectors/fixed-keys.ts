import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import type { Signer, VerifyKey } from "../src/signing.ts";

/** The secret keys of RFC 8032 §7.1, tests 1 to 3 and "1024": everybody knows them, nobody may trust them. */
const seeds = {
  token: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
  previousToken: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
  config: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
  attacker: "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
};

const pkcs8Prefix = "302e020100300506032b657004220420";

function fixedKey(seed: string): { signer: Signer; verifyKey: VerifyKey } {
  const privateKey = createPrivateKey({ key: Buffer.from(pkcs8Prefix + seed, "hex"), format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey);
  const x = publicKey.export({ format: "jwk" }).x ?? "";
  const kid = createHash("sha256").update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest("base64url");
  return {
    signer: {
      kid,
      alg: "Ed25519",
      publicJwk: { kty: "OKP", crv: "Ed25519", x },
      sign: async (message) => sign(null, message, privateKey),
    },
    verifyKey: { kid, verify: (message, signature) => verify(null, message, publicKey, signature) },
  };
}

export const tokenKey = fixedKey(seeds.token);
export const previousTokenKey = fixedKey(seeds.previousToken);
export const configKey = fixedKey(seeds.config);
export const attackerKey = fixedKey(seeds.attacker);
