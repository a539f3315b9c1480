import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { calculateJwkThumbprint } from "jose";
import { expect, test } from "vitest";
import { configKey, rootKey } from "../vectors/fixed-keys.ts";
import { parsePublicJwk, sha256Base64url, signerOf, thumbprintOf, verifyKeyOf } from "./ed25519.ts";

const message = Buffer.from("message");

test("thumbprints are those of RFC 8037 and of jose", async () => {
  const x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
  expect(thumbprintOf({ kty: "OKP", crv: "Ed25519", x })).toBe("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (key) => {
      const jwk = { kty: "OKP", crv: "Ed25519", x: Buffer.from(key).toString("base64url") } as const;
      expect(thumbprintOf(jwk)).toBe(await calculateJwkThumbprint(jwk));
    }),
  );
});

test("a key verifies what its private half signed, and nothing else", async () => {
  const key = verifyKeyOf(rootKey.publicJwk);
  const signature = await rootKey.sign(message);
  expect(key.kid).toBe(rootKey.kid);
  expect(key.verify(message, signature)).toBe(true);
  expect(key.verify(Buffer.from("massage"), signature)).toBe(false);
  expect(key.verify(message, await configKey.sign(message))).toBe(false);
});

test("any key and any signature give false, never an exception", () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(bytes, fc.uint8Array({ maxLength: 80 }), (key, signature) => {
      const jwk = { kty: "OKP", crv: "Ed25519", x: Buffer.from(key).toString("base64url") } as const;
      expect(verifyKeyOf(jwk).verify(message, signature)).toBe(false);
    }),
  );
});

test("of a JWK only the public key is taken", () => {
  const { x } = rootKey.publicJwk;
  const private_ = { kty: "OKP", crv: "Ed25519", x, d: x, kid: "x", use: "enc" };
  expect(parsePublicJwk(private_)).toStrictEqual({ kty: "OKP", crv: "Ed25519", x });
});

const { x } = rootKey.publicJwk;
test.each([
  [undefined],
  [null],
  ["OKP"],
  [[]],
  [{ kty: "OKP", crv: "Ed25519" }],
  [{ kty: "OKP", crv: "X25519", x }],
  [{ kty: "EC", crv: "Ed25519", x }],
  [{ kty: "OKP", crv: "Ed25519", x: x.slice(1) }],
  [{ kty: "OKP", crv: "Ed25519", x: `${x}=` }],
  [{ kty: "OKP", crv: "Ed25519", x: [x] }],
  [{ kty: "OKP", crv: "Ed25519", x: `${x.slice(0, -1)}p` }],
])("%j is no public key", (value) => {
  expect(parsePublicJwk(value)).toBeUndefined();
  expect(() => verifyKeyOf(value as never)).toThrow(TypeError);
});

test("only an Ed25519 private key signs", () => {
  expect(() => signerOf(generateKeyPairSync("x25519").privateKey)).toThrow(TypeError);
  expect(() => signerOf(generateKeyPairSync("ed25519").publicKey)).toThrow(TypeError);
});

test("a digest is the one of RFC 6234 in base64url", () => {
  expect(sha256Base64url("abc")).toBe(
    Buffer.from("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "hex").toString("base64url"),
  );
  expect(sha256Base64url(Buffer.from("abc"))).toBe(sha256Base64url("abc"));
});
