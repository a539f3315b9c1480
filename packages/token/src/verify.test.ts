import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { anyClaims, anyText } from "../vectors/arbitrary.ts";
import { attackerKey, previousTokenKey, tokenKey } from "../vectors/fixed-keys.ts";
import { type AgentTokenClaims, issuerOf, parseAudience } from "./claims.ts";
import { signCompact } from "./compact-jws.ts";
import { mint } from "./mint.ts";
import { TokenRefused } from "./refusal.ts";
import type { VerifyKey } from "./signing.ts";
import type { UnixSeconds } from "./unix-seconds.ts";
import { checkWindow, type VerifyContext, verify, verifyUndated } from "./verify.ts";

const id = "0199a1b2-0000-7000-8000-00000000a001";
const at = (seconds: number) => seconds as UnixSeconds;
const iat = at(1_800_000_000);
const tokenKeys: ReadonlyMap<string, VerifyKey> = new Map([
  [tokenKey.verifyKey.kid, tokenKey.verifyKey],
  [previousTokenKey.verifyKey.kid, previousTokenKey.verifyKey],
]);
const context: VerifyContext = { tokenKeys, clusterId: id, tenantId: id, agentId: id, now: iat };
const claims: AgentTokenClaims = {
  iss: issuerOf(id),
  aud: `agent:${id}`,
  jti: id,
  iat,
  nbf: iat,
  exp: at(iat + 900),
  act: ["unprotect"],
  lift: 14_400,
};

/** The reason why `token` is refused; undefined when it is accepted. Fails on any other exception. */
function refusal(token: string, within: VerifyContext = context): string | undefined {
  try {
    verify(token, within);
    return undefined;
  } catch (error) {
    if (!(error instanceof TokenRefused)) throw error;
    return error.reason;
  }
}

describe("window", () => {
  const window = { nbf: at(1000), exp: at(1900) };

  test.each([0, 879, Number.NEGATIVE_INFINITY, Number.NaN])("at %d it is not yet valid", (now) => {
    expect(() => checkWindow(window, at(now), 120)).toThrow(expect.objectContaining({ reason: "not_yet_valid" }));
  });

  test.each([1900, 1901, 2020, Number.POSITIVE_INFINITY])("at %d it has expired", (now) => {
    expect(() => checkWindow(window, at(now), 120)).toThrow(expect.objectContaining({ reason: "expired" }));
  });

  test.each([880, 1000, 1899, 1899.999])("at %d it is valid", (now) => {
    expect(() => checkWindow(window, at(now), 120)).not.toThrow();
  });

  test.each([
    [{ nbf: at(Number.NaN), exp: at(1900) }, 120],
    [{ nbf: at(1000), exp: at(Number.NaN) }, 120],
    [window, Number.NaN],
  ])("what is no number is outside", (broken, skew) => {
    expect(() => checkWindow(broken, at(1500), skew)).toThrow(TokenRefused);
  });

  test("a trusted time that is no number accepts no token", async () => {
    expect(refusal(await mint(claims, tokenKey.signer), { ...context, now: at(Number.NaN) })).toBe("not_yet_valid");
  });
});

describe("an agent that cannot judge the time", () => {
  test("learns all but time and challenge", async () => {
    const { now: _, ...undated } = context;
    const expired = await mint({ ...claims, chg: "000000000000014U" }, tokenKey.signer);
    expect(verifyUndated(expired, undated).chg).toBe("000000000000014U");
    const forged = await signCompact({ typ: "agent-token+jwt" }, claims, {
      ...attackerKey.signer,
      kid: tokenKey.signer.kid,
    });
    expect(() => verifyUndated(forged, undated)).toThrow(expect.objectContaining({ reason: "bad_signature" }));
    const foreign = await mint({ ...claims, aud: "agent:0199a1b2-0000-7000-8000-00000000ffff" }, tokenKey.signer);
    expect(() => verifyUndated(foreign, undated)).toThrow(expect.objectContaining({ reason: "wrong_agent" }));
  });
});

test("what mint signs, verify gives back", async () => {
  await fc.assert(
    fc.asyncProperty(anyClaims(), fc.nat(1019), async (any, offset) => {
      const target = parseAudience(any.aud);
      const agent: VerifyContext = {
        tokenKeys,
        clusterId: any.iss.slice(issuerOf("").length),
        tenantId: target?.kind === "tenant" ? target.tenantId : id,
        agentId: target?.kind === "agent" ? target.agentId : id,
        now: at(Math.min(any.nbf - 120 + offset, any.exp - 1)),
        ...(any.chg === undefined ? {} : { challenge: any.chg }),
      };
      expect(verify(await mint(any, tokenKey.signer), agent)).toStrictEqual(any);
    }),
  );
});

describe("altered", () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  let token = "";
  beforeAll(async () => {
    token = await mint({ ...claims, aud: "cluster" }, tokenKey.signer);
    expect(refusal(token)).toBeUndefined();
  });

  test("any flipped bit of the text is refused", () => {
    for (let i = 0; i < token.length; i++) {
      for (let bit = 0; bit < 16; bit++) {
        const flipped = String.fromCharCode(token.charCodeAt(i) ^ (1 << bit));
        expect(refusal(token.slice(0, i) + flipped + token.slice(i + 1)), `${i}, bit ${bit}`).toBeDefined();
      }
    }
  });

  test("any flipped bit of what it encodes is refused", () => {
    for (let i = 0; i < token.length; i++) {
      const value = alphabet.indexOf(token.charAt(i));
      for (let bit = 0; bit < 6 && value >= 0; bit++) {
        const flipped = alphabet.charAt(value ^ (1 << bit));
        expect(refusal(token.slice(0, i) + flipped + token.slice(i + 1)), `${i}, bit ${bit}`).toBeDefined();
      }
    }
  });

  test("any truncation, at either end, is refused", () => {
    for (let length = 0; length < token.length; length++) {
      expect(refusal(token.slice(0, length)), `first ${length}`).toBeDefined();
      expect(refusal(token.slice(token.length - length)), `last ${length}`).toBeDefined();
    }
  });

  test("any character left out is refused", () => {
    for (let i = 0; i < token.length; i++) {
      expect(refusal(token.slice(0, i) + token.slice(i + 1)), `without ${i}`).toBeDefined();
    }
  });

  test("any added character is refused, but for white space around", () => {
    for (let at = 0; at <= token.length; at++) {
      for (const added of ["A", "_", ".", "=", "\u0000", "\u200b", "é", "\ud800", " ", "\n", "\ufeff"]) {
        const around = (at === 0 || at === token.length) && added.trim() === "";
        expect(refusal(token.slice(0, at) + added + token.slice(at)) === undefined, `${added} at ${at}`).toBe(around);
      }
    }
  });

  test("any other signature is refused", () => {
    const signed = token.lastIndexOf(".") + 1;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (signature) => {
        const forged = token.slice(0, signed) + Buffer.from(signature).toString("base64url");
        expect(refusal(forged)).toBe("bad_signature");
      }),
    );
  });
});

describe("any text at all", () => {
  const part = fc.oneof(
    anyText(),
    fc.json().map((json) => Buffer.from(json).toString("base64url")),
    fc.uint8Array({ maxLength: 90 }).map((bytes) => Buffer.from(bytes).toString("base64url")),
  );
  const loneSurrogates = fc.string({ unit: fc.constantFrom("\ud800", "\udfff", "\u0000", ".", "A", " ", "\ufeff") });

  test("is refused, and with nothing but a reason", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyText(),
          loneSurrogates,
          fc.array(part, { maxLength: 6 }).map((parts) => parts.join(".")),
        ),
        (text) => {
          expect(refusal(text)).toBeDefined();
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("signed JSON of any shape is refused with nothing but a reason", async () => {
    const key = tokenKey.signer;
    const name = fc.constantFrom(
      "iss",
      "aud",
      "jti",
      "iat",
      "nbf",
      "exp",
      "act",
      "lift",
      "chg",
      "crit",
      "__proto__",
      "toString",
    );
    const members = fc.array(fc.tuple(name, fc.jsonValue()), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(members, members, async (inHeader, inClaims) => {
        const header = { ...Object.fromEntries(inHeader), typ: "agent-token+jwt" };
        const text = await signCompact(header, { ...claims, ...Object.fromEntries(inClaims) }, key);
        try {
          verify(text, context);
        } catch (error) {
          expect(error).toBeInstanceOf(TokenRefused);
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["a megabyte of one letter", "A".repeat(2 ** 20)],
    ["a megabyte of dots", ".".repeat(2 ** 20)],
    ["a megabyte of white space", " ".repeat(2 ** 20)],
    ["a megabyte of zero characters", "\u0000".repeat(2 ** 20)],
    ["a megabyte of lone surrogates", "\ud800".repeat(2 ** 20)],
    ["4,096 dots", ".".repeat(4096)],
    ["a deep nest of lists", `${Buffer.from("[".repeat(3000)).toString("base64url")}.e30.${"A".repeat(86)}`],
  ])("%s is refused at once", (_, text) => {
    const start = performance.now();
    expect(refusal(text)).toBe("malformed");
    expect(performance.now() - start).toBeLessThan(500);
  });

  test("more white space than a token is long is not looked through", async () => {
    const token = await mint(claims, tokenKey.signer);
    expect(refusal(" ".repeat(4000) + token)).toBeUndefined();
    expect(refusal(" ".repeat(8192) + token)).toBe("malformed");
  });
});

test("a refusal says nothing of the token", async () => {
  const token = await mint({ ...claims, lift: 4242 }, tokenKey.signer);
  for (const within of [
    { ...context, now: at(0) },
    { ...context, clusterId: "x" },
    { ...context, tokenKeys: new Map() },
  ]) {
    try {
      verify(token, within);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(TokenRefused);
      const told = `${(error as TokenRefused).message} ${JSON.stringify(error)}`;
      for (const secret of [...token.split("."), id, "4242", tokenKey.signer.kid]) expect(told).not.toContain(secret);
    }
  }
});
