import fc from "fast-check";
import { expect, test } from "vitest";
import { anyText } from "../vectors/arbitrary.ts";
import { decodeBase64url, encodeBase64url } from "./base64url.ts";

test("encodes as Node does", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(encodeBase64url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
    }),
  );
});

test("decodes what it encodes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(decodeBase64url(encodeBase64url(bytes))).toStrictEqual(bytes);
    }),
  );
});

test("gives bytes for one spelling only", () => {
  const symbols = fc.constantFrom(..."ABCXYZabcxyz0189-_+/= \n\u0000é\ud800");
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: symbols, maxLength: 12 }), anyText()), (text) => {
      const bytes = decodeBase64url(text);
      if (bytes !== undefined) expect(Buffer.from(bytes).toString("base64url")).toBe(text);
    }),
    { numRuns: 2000 },
  );
});

test("of each last character only those without stray bits are canonical", () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  expect([...alphabet].filter((last) => decodeBase64url(`A${last}`) !== undefined).join("")).toBe("AQgw");
  expect([...alphabet].filter((last) => decodeBase64url(`AA${last}`) !== undefined).join("")).toBe("AEIMQUYcgkosw048");
});
