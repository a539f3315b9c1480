import { expect, test } from "vitest";
import { tokenKey } from "../vectors/fixed-keys.ts";
import { parseCompact, signCompact } from "./compact-jws.ts";

test("what is signed is taken apart again", async () => {
  const text = await signCompact({ typ: "note+jwt" }, { text: "ä" }, tokenKey.signer);
  const parsed = parseCompact(text, text.length);
  expect(parsed?.unverifiedHeader).toStrictEqual({ typ: "note+jwt", alg: "Ed25519", kid: tokenKey.signer.kid });
  expect(parsed?.payload()).toStrictEqual({ text: "ä" });
  expect(
    tokenKey.verifyKey.verify(parsed?.signingInput ?? new Uint8Array(), parsed?.signature ?? new Uint8Array()),
  ).toBe(true);
  expect(parseCompact(text, text.length - 1)).toBeUndefined();
});

test("algorithm and key are the signer's, whatever the header says", async () => {
  const text = await signCompact({ typ: "note+jwt", alg: "none", kid: "other" }, {}, tokenKey.signer);
  const header = { typ: "note+jwt", alg: "Ed25519", kid: tokenKey.signer.kid };
  expect(parseCompact(text, 1000)?.unverifiedHeader).toStrictEqual(header);
});

test.each(["1", "null", '"text"', "[]", "{", "", "\ufeff{}"])("%j is no payload", async (payload) => {
  const [head = "", , signature = ""] = (await signCompact({ typ: "note+jwt" }, {}, tokenKey.signer)).split(".");
  const text = `${head}.${Buffer.from(payload).toString("base64url")}.${signature}`;
  expect(parseCompact(text, 1000)?.payload()).toBeUndefined();
});
