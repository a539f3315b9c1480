/**
 * Makes the test vectors beside this file from fixed keys: `node packages/token/vectors/generate.ts`.
 *
 * The committed files are normative, and a test holds this program against them: whoever changes what a token means
 * changes both, and sees it in review.
 */
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeBase64url } from "../src/base64url.ts";
import { encodeChallenge, groupChallenge } from "../src/challenge.ts";
import type { RefusalReason } from "../src/refusal.ts";
import type { Signer } from "../src/signing.ts";
import { attackerKey, configKey, previousTokenKey, tokenKey } from "./fixed-keys.ts";

const clusterId = "0199a1b2-0000-7000-8000-00000000c001";
const tenantId = "0199a1b2-0000-7000-8000-00000000a001";
const agentId = "0199a1b2-0000-7000-8000-00000000e001";
const otherId = "0199a1b2-0000-7000-8000-00000000ffff";

const iat = 1_800_000_000;
const challenge = encodeChallenge(Buffer.from("00112233445566778899", "hex"));
const otherChallenge = encodeChallenge(Buffer.from("ffeeddccbbaa99887766", "hex"));

const header = { typ: "agent-token+jwt", alg: "Ed25519", kid: tokenKey.signer.kid };
const claims = {
  iss: `urn:postern:cluster:${clusterId}`,
  aud: `agent:${agentId}`,
  jti: "0199a1b2-0000-7000-8000-000000000001",
  iat,
  nbf: iat,
  exp: iat + 900,
  act: ["unprotect"],
  lift: 14_400,
};

export interface ValidCase {
  name: string;
  token: string;
  now: number;
  challenge?: string;
  claims: object;
}

export interface RefusedCase {
  name: string;
  reason: RefusalReason;
  token: string;
  now: number;
  challenge?: string;
}

/** The committed files by name, as text. */
export async function vectorFiles(): Promise<Record<string, string>> {
  const about = {
    agent: { clusterId, tenantId, agentId },
    tokenKeys: [publicOf(tokenKey), publicOf(previousTokenKey)],
  };
  return {
    "valid.json": toText({ ...about, cases: await validCases() }),
    "refused.json": toText({ ...about, cases: await refusedCases() }),
    "base64url.json": toText(base64urlVectors()),
    "challenge.json": toText(challengeVectors()),
  };
}

async function validCases(): Promise<ValidCase[]> {
  const plain = await sign(header, claims);
  const valid = (name: string, token: string, expected: object = claims, rest: Partial<ValidCase> = {}): ValidCase => ({
    name,
    token,
    now: iat + 60,
    ...rest,
    claims: expected,
  });
  const changed = async (name: string, members: object, rest: Partial<ValidCase> = {}) =>
    valid(name, await sign(header, { ...claims, ...members }), { ...claims, ...members }, rest);
  const headed = async (name: string, members: object, signer?: Signer) =>
    valid(name, await sign({ ...header, ...members }, claims, signer));

  return [
    valid("for one agent", plain),
    await changed("for a tenant", { aud: `tenant:${tenantId}` }),
    await changed("for the cluster", { aud: "cluster" }),
    await headed("signed with the previous key", { kid: previousTokenKey.signer.kid }, previousTokenKey.signer),
    valid("in its first second less the skew", plain, claims, { now: iat - 120 }),
    valid("in its last second", plain, claims, { now: iat + 899 }),
    await changed("valid later than issued", { nbf: iat + 60 }, { now: iat - 60 }),
    await changed("the shortest lift", { lift: 1 }),
    await changed("the longest lift", { lift: 86_400 }),
    await changed("allows more than one action", { act: ["collect-logs", "unprotect"] }),
    await changed(
      "answers the challenge, long after it expired",
      { chg: challenge },
      { now: iat + 10 ** 8, challenge },
    ),
    await changed("answers the challenge, long before it was issued", { chg: challenge }, { now: 0, challenge }),
    valid("answers no challenge while one is outstanding", plain, claims, { challenge }),
    await headed("an unknown header member is ignored", {
      cty: "x",
      x5u: "https://example.com/",
      jwk: publicOf(attackerKey),
    }),
    valid("an unknown claim is ignored", await sign(header, { ...claims, sub: "x", nested: { crit: ["y"] } })),
    valid("a claim named __proto__ is ignored", await sign(header, `{"__proto__":{"lift":1},${inner(claims)}}`)),
    valid("critical claims, all understood", await sign(header, { ...claims, crit: ["lift", "exp"] })),
    valid(
      "of two members with one name the last counts",
      await sign(header, `{"lift":1,"aud":["x"],${inner(claims)}}`),
    ),
    valid("the same in the header", await sign(`{"alg":"none","kid":"x",${inner(header)}}`, claims)),
    valid("numbers and members in another notation", await sign(header, reformatted())),
    valid("white space and a byte order mark around it", `\ufeff \r\n\t${plain}\u00a0\r\n\ufeff`),
    valid("of the greatest length", await signToLength(4096)),
  ];
}

async function refusedCases(): Promise<RefusedCase[]> {
  const plain = await sign(header, claims);
  const [head = "", body = "", signature = ""] = plain.split(".");
  const cases: RefusedCase[] = [];
  const refused = (reason: RefusalReason, name: string, token: string, rest: Partial<RefusedCase> = {}) =>
    cases.push({ name, reason, token, now: iat + 60, ...rest });
  const claim = async (reason: RefusalReason, name: string, members: object, rest: Partial<RefusedCase> = {}) =>
    refused(reason, name, await sign(header, { ...claims, ...members }), rest);
  const headed = async (reason: RefusalReason, name: string, members: object, signer?: Signer) =>
    refused(reason, name, await sign({ ...header, ...members }, claims, signer));

  // The compact form
  refused("malformed", "nothing", "");
  refused("malformed", "white space only", " \r\n");
  refused("malformed", "two parts", `${head}.${body}`);
  refused("malformed", "four parts", `${plain}.`);
  refused("malformed", "five parts, as of a JWE", `${plain}.${head}.${body}`);
  refused("malformed", "an empty header", `.${body}.${signature}`);
  refused("malformed", "an empty payload", await sign(header, ""));
  refused("malformed", "no signature", `${head}.${body}.`);
  refused("malformed", "one character more than the limit", await signToLength(4097));
  refused("malformed", "the last character missing", plain.slice(0, -1));
  refused("malformed", "the last byte missing", `${head}.${body}.${signature.slice(0, 84)}`);
  refused("malformed", "one byte more in the signature", `${plain.slice(0, -1)}AA`);
  refused("malformed", "padded", `${plain}==`);
  refused("malformed", "unused bits set in the signature", plain.slice(0, -1) + nextSymbol(plain.slice(-1)));
  refused(
    "malformed",
    "unused bits set in the header",
    await signParts(looseBits(encode({ ...header, x: "y" })), body),
  );
  refused("malformed", "the alphabet of plain base64", `${head}.${body}.${"+/".repeat(43)}`);
  refused("malformed", "white space inside", `${head}.${body}.\n${signature}`);
  refused(
    "malformed",
    "white space in the middle of a part",
    `${head}.${body.slice(0, 76)}\r\n${body.slice(76)}.${signature}`,
  );
  refused("malformed", "a zero character inside", `${head}.${body}\u0000.${signature}`);
  refused("malformed", "a lone surrogate", `${head}.${body}.\ud800${signature.slice(1)}`);
  refused("malformed", "a zero-width space in front", `\u200b${plain}`);

  // Header and payload as JSON
  refused("malformed", "a header that is no JSON", await sign("{typ:1}", claims));
  refused("malformed", "a header that is an array", await sign([header], claims));
  refused("malformed", "a header that is null", await sign("null", claims));
  refused("malformed", "a byte order mark in the header", await sign(`\ufeff${JSON.stringify(header)}`, claims));
  refused("malformed", "a header that is not UTF-8", await sign(notUtf8(header), claims));
  refused("malformed", "a payload that is no JSON", await sign(header, "unprotect"));
  refused("malformed", "a payload that is an array", await sign(header, [claims]));
  refused("malformed", "a payload that is not UTF-8", await sign(header, notUtf8(claims)));
  refused("malformed", "text after the payload's object", await sign(header, `${JSON.stringify(claims)}{}`));
  await headed("malformed", "a critical header member that nobody knows", { crit: ["lock"], lock: true });
  await headed("malformed", "a critical header member that is absent", { crit: ["lock"] });
  await headed("malformed", "a critical header member of the standard's own", { crit: ["typ"] });
  await headed("malformed", "an empty crit in the header", { crit: [] });
  await headed("malformed", "crit in the header is no list", { crit: null });
  await claim("malformed", "a critical claim that nobody knows", { crit: ["only"], only: "tuesdays" });
  await claim("malformed", "a critical claim that is absent", { crit: ["chg"] });
  await claim("malformed", "an empty crit in the claims", { crit: [] });
  await claim("malformed", "crit in the claims is no list", { crit: "lift" });
  await claim("malformed", "crit in the claims names a number", { crit: [1] });

  // Claims of the wrong shape, under a good signature
  await claim("malformed", "no issuer", { iss: undefined });
  await claim("malformed", "an issuer that is a list", { iss: [claims.iss] });
  await claim("malformed", "an audience that is a list", { aud: [claims.aud] });
  await claim("malformed", "an audience of upper-case digits", { aud: claims.aud.replace("0199a1b2", "0199A1B2") });
  await claim("malformed", "an audience without kind", { aud: agentId });
  await claim("malformed", "an audience of an unknown kind", { aud: `node:${agentId}` });
  await claim("malformed", "a cluster named in the audience", { aud: `cluster:${clusterId}` });
  await claim("malformed", "a kind in capitals", { aud: "Cluster" });
  await claim("malformed", "an audience with white space", { aud: `${claims.aud}\n` });
  await claim("malformed", "an id that is no UUIDv7", { jti: "3f1c9a52-7b1e-4c58-9d0a-6a3a5a0f0001" });
  await claim("malformed", "no id", { jti: undefined });
  await claim("malformed", "lives a second longer than 900", { exp: iat + 901 });
  await claim("malformed", "lives a second less than 900", { exp: iat + 899 });
  await claim("malformed", "no expiry", { exp: undefined });
  await claim("malformed", "an expiry in text", { exp: String(iat + 900) });
  await claim("malformed", "times that are not whole", { iat: iat + 0.5, nbf: iat + 0.5, exp: iat + 900.5 });
  await claim("malformed", "times before 1970", { iat: -900, nbf: -900, exp: 0 });
  const beyond = 2 ** 53;
  await claim("malformed", "times past the exact integers", { iat: beyond, nbf: beyond, exp: beyond + 900 });
  refused(
    "malformed",
    "times past all numbers",
    await sign(header, `{${inner(claims)},"iat":1e400,"nbf":1e400,"exp":1e400}`),
  );
  await claim("malformed", "valid before it was issued", { nbf: iat - 1 });
  await claim("malformed", "valid only once it has expired", { nbf: iat + 900 });
  await claim("malformed", "actions in text", { act: "unprotect" });
  await claim("malformed", "an action that is no text", { act: ["unprotect", 1] });
  await claim("malformed", "no lift", { lift: undefined });
  await claim("malformed", "a lift of nothing", { lift: 0 });
  await claim("malformed", "a lift longer than the longest", { lift: 86_401 });
  await claim("malformed", "a lift that is not whole", { lift: 1.5 });
  await claim("malformed", "a lift in text", { lift: "14400" });
  await claim(
    "malformed",
    "a challenge in a tenant token",
    { chg: challenge, aud: `tenant:${tenantId}` },
    { challenge },
  );
  await claim("malformed", "a challenge in a cluster token", { chg: challenge, aud: "cluster" }, { challenge });
  await claim("malformed", "a challenge with hyphens", { chg: groupChallenge(challenge) }, { challenge });
  await claim("malformed", "a mistyped challenge", { chg: `1${challenge.slice(1)}` }, { challenge });
  await claim("malformed", "a challenge that is null", { chg: null }, { challenge });

  // Type confusion (RFC 8725 §3.11)
  await headed("wrong_type", "no type", { typ: undefined });
  await headed("wrong_type", "just a JWT", { typ: "JWT" });
  await headed("wrong_type", "a desired config", { typ: "agent-config+jwt" });
  await headed("wrong_type", "the type in capitals", { typ: "Agent-Token+JWT" });
  await headed("wrong_type", "the type with its media type's prefix", { typ: "application/agent-token+jwt" });
  await headed("wrong_type", "a list of types", { typ: [header.typ] });

  // Algorithm confusion (RFC 8725 §3.1). Where the signature has not 64 bytes, that shows before the algorithm does.
  refused("malformed", "alg none, no signature", `${encode({ ...header, alg: "none" })}.${body}.`);
  await headed("wrong_algorithm", "alg none over a good signature", { alg: "none" });
  await headed("wrong_algorithm", "no algorithm", { alg: undefined });
  await headed("wrong_algorithm", "EdDSA, which leaves the curve open", { alg: "EdDSA" });
  await headed("wrong_algorithm", "the algorithm in lower case", { alg: "ed25519" });
  await headed("wrong_algorithm", "another curve", { alg: "ES256" });
  await headed("wrong_algorithm", "a list of algorithms", { alg: ["Ed25519"] });
  refused("malformed", "HS256 with the public key as its secret", hmac("HS256", "sha256"));
  refused("wrong_algorithm", "HS512 with the public key as its secret", hmac("HS512", "sha512"));

  // Keys
  await headed("unknown_key", "no key id", { kid: undefined });
  await headed("unknown_key", "the config key", { kid: configKey.signer.kid }, configKey.signer);
  await headed(
    "unknown_key",
    "an unknown key that comes along",
    { kid: attackerKey.signer.kid, jwk: publicOf(attackerKey) },
    attackerKey.signer,
  );
  await headed("unknown_key", "a key id that every object has", { kid: "__proto__" });
  await headed("unknown_key", "a key id that names a method", { kid: "get" });
  await headed("unknown_key", "an empty key id", { kid: "" });
  await headed("unknown_key", "a list of key ids", { kid: [header.kid] });
  await headed("unknown_key", "a path as key id", { kid: "../../../dev/null" });
  await headed("unknown_key", "a key id in other case", { kid: header.kid.toLowerCase() });

  // Signatures
  const forTheCluster = encode({ ...claims, aud: "cluster" });
  refused("bad_signature", "claims altered", `${head}.${forTheCluster}.${signature}`);
  refused("bad_signature", "header altered", `${encode({ ...header, x: 1 })}.${body}.${signature}`);
  refused(
    "bad_signature",
    "another token's signature",
    `${plain.slice(0, -86)}${(await sign(header, { ...claims, lift: 1 })).slice(-86)}`,
  );
  await headed("bad_signature", "an attacker's key under a known id", {}, attackerKey.signer);
  await headed(
    "bad_signature",
    "an attacker's key under a known id, with his own along",
    { jwk: publicOf(attackerKey) },
    attackerKey.signer,
  );
  await headed("bad_signature", "the config key under a token key's id", {}, configKey.signer);
  await headed("bad_signature", "the previous key under the current one's id", {}, previousTokenKey.signer);
  refused("bad_signature", "sixty-four zeros", `${head}.${body}.${encodeBase64url(new Uint8Array(64))}`);
  refused("bad_signature", "the order of the group added to S", `${head}.${body}.${addOrder(signature)}`);
  refused("bad_signature", "forged and expired: the time is not looked at", `${head}.${forTheCluster}.${signature}`, {
    now: iat + 900,
  });

  // For whom
  await claim("wrong_cluster", "another cluster", { iss: `urn:postern:cluster:${otherId}` });
  await claim("wrong_cluster", "the cluster in capitals", { iss: claims.iss.toUpperCase() });
  await claim("wrong_cluster", "the bare id of the cluster", { iss: clusterId });
  await claim(
    "wrong_cluster",
    "another cluster, and expired",
    { iss: `urn:postern:cluster:${otherId}` },
    { now: iat + 900 },
  );
  await claim("wrong_tenant", "another tenant", { aud: `tenant:${otherId}` });
  await claim("wrong_tenant", "an agent's id as tenant", { aud: `tenant:${agentId}` });
  await claim("wrong_agent", "another agent", { aud: `agent:${otherId}` });
  await claim("wrong_agent", "a tenant's id as agent", { aud: `agent:${tenantId}` });
  await claim(
    "wrong_agent",
    "another agent, answering this one's challenge",
    { aud: `agent:${otherId}`, chg: challenge },
    { challenge },
  );
  refused(
    "wrong_agent",
    "of two audiences the last counts",
    await sign(header, `{${inner(claims)},"aud":"agent:${otherId}"}`),
  );

  // For what
  await claim("action_not_allowed", "no action", { act: [] });
  await claim("action_not_allowed", "another action", { act: ["collect-logs"] });
  await claim("action_not_allowed", "the action in capitals", { act: ["UNPROTECT"] });
  await claim("action_not_allowed", "another action, and expired", { act: ["collect-logs"] }, { now: iat + 900 });

  // When
  refused("not_yet_valid", "a second before the skew", plain, { now: iat - 121 });
  refused("not_yet_valid", "in 1970", plain, { now: 0 });
  await claim("not_yet_valid", "issued, but valid later", { nbf: iat + 300 }, { now: iat + 179 });
  refused("expired", "in the very second it expires", plain, { now: iat + 900 });
  refused("expired", "a day later", plain, { now: iat + 86_400 });
  await claim("expired", "within the skew after it expired", { aud: "cluster" }, { now: iat + 901 });

  // The challenge
  await claim("challenge_mismatch", "another challenge", { chg: otherChallenge }, { challenge });
  await claim("challenge_mismatch", "no challenge is outstanding", { chg: challenge });
  await claim(
    "challenge_mismatch",
    "another challenge, in the token's window",
    { chg: otherChallenge },
    { challenge, now: iat },
  );
  await claim("challenge_mismatch", "an empty challenge is outstanding", { chg: challenge }, { challenge: "" });
  return cases;

  function hmac(alg: string, hash: string): string {
    const input = `${encode({ ...header, alg })}.${body}`;
    const publicKey = Buffer.from(tokenKey.signer.publicJwk.x, "base64url");
    return `${input}.${createHmac(hash, publicKey).update(input).digest("base64url")}`;
  }
}

function base64urlVectors(): object {
  // RFC 4648 §10, its padding taken away; then bytes that tell the two alphabets apart.
  const texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map((text) => Buffer.from(text));
  const bytes = [...texts, Buffer.from("00", "hex"), Buffer.from("ffef", "hex"), Buffer.from("fbf0ff", "hex")];
  return {
    valid: bytes.map((each) => ({ hex: each.toString("hex"), text: each.toString("base64url") })),
    refused: [
      "A",
      "AAAAA",
      "Zg==",
      "Zm8=",
      "Zh",
      "Zm9",
      "Zv",
      "+/+/",
      "Zm 8",
      "Zm8\n",
      " Zm8",
      "Zm9v.",
      "Zé",
      "Zm\u0000v",
      "\ud800\udc00aa",
    ],
  };
}

function challengeVectors(): object {
  const random = ["00000000000000000000", "ffffffffffffffffffff", "00112233445566778899", "f8000000000000000000"];
  // One for each of the five characters that only check: the values 32 to 36.
  const checking = ["20", "21", "22", "23", "24"];
  const encoded = [...random, ...checking.map((last) => last.padStart(20, "0"))].map((hex) => {
    const each = encodeChallenge(Buffer.from(hex, "hex"));
    return { random: hex, challenge: each, grouped: groupChallenge(each) };
  });
  const grouped = groupChallenge(challenge);
  const spellings = [grouped, grouped.toLowerCase(), ` ${grouped.replaceAll("-", " ")}\r\n`, challenge];
  const lookAlikes = ["OOOO-oooo-0000-0IL~", "0000-0000-0000-0il~"];
  const check = challenge.slice(-1);
  return {
    encoded,
    typed: [
      ...spellings.map((typed) => ({ typed, challenge })),
      ...lookAlikes.map((typed) => ({ typed, challenge: "000000000000011~" })),
    ],
    refused: [
      "",
      challenge.slice(0, -1),
      `${challenge}0`,
      challenge.slice(0, -1) + otherSymbol(check),
      otherSymbol(challenge.charAt(0)) + challenge.slice(1),
      challenge.replace("J4", "4J"),
      challenge.slice(0, -2) + check + challenge.slice(-2, -1),
      `U${challenge.slice(1)}`,
      challenge.replace("2", "_"),
      challenge.replace("2", "２"),
      `${challenge}${" ".repeat(48)}x`,
      `${grouped}-`.repeat(2),
    ],
  };
}

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

function nextSymbol(symbol: string): string {
  return base64url.charAt(base64url.indexOf(symbol) + 1);
}

/** The same bytes in another spelling: the unused bits of the last character set. */
function looseBits(part: string): string {
  if (part.length % 4 === 0) throw new Error("this part has no unused bits");
  return part.slice(0, -1) + nextSymbol(part.slice(-1));
}

function otherSymbol(symbol: string): string {
  return symbol === "7" ? "8" : "7";
}

function publicOf(key: { signer: Signer }): object {
  return { kid: key.signer.kid, ...key.signer.publicJwk };
}

function encode(part: object | string | Buffer): string {
  return Buffer.isBuffer(part)
    ? part.toString("base64url")
    : Buffer.from(typeof part === "string" ? part : JSON.stringify(part)).toString("base64url");
}

async function sign(
  head: object | string | Buffer,
  payload: object | string | Buffer,
  signer: Signer = tokenKey.signer,
): Promise<string> {
  return signParts(encode(head), encode(payload), signer);
}

async function signParts(head: string, body: string, signer: Signer = tokenKey.signer): Promise<string> {
  const input = `${head}.${body}`;
  return `${input}.${Buffer.from(await signer.sign(Buffer.from(input))).toString("base64url")}`;
}

/** A token of exactly so many characters, filled up with members that are ignored. */
async function signToLength(length: number): Promise<string> {
  for (const headerFill of ["", "x", "xx"]) {
    for (let fill = 0; fill < 4096; fill++) {
      const head = encode({ ...header, fill: headerFill });
      const chars = head.length + 1 + Math.ceil(((JSON.stringify({ ...claims, fill: "" }).length + fill) * 4) / 3) + 87;
      if (chars === length) return sign({ ...header, fill: headerFill }, { ...claims, fill: "x".repeat(fill) });
    }
  }
  throw new Error(`no token of ${length} characters`);
}

/** JSON with an ignored member that holds a byte which UTF-8 does not have. */
function notUtf8(members: object): Buffer {
  const [before = "", after = ""] = JSON.stringify({ ...members, text: "?" }).split("?");
  return Buffer.concat([Buffer.from(before), Buffer.from([0xff]), Buffer.from(after)]);
}

/** The members of an object without its braces. */
function inner(members: object): string {
  return JSON.stringify(members).slice(1, -1);
}

/** The plain claims as another serializer might write them. */
function reformatted(): string {
  const { aud, jti, iss } = claims;
  return ` {\n "lift": 1.44e4, "act": ["\\u0075nprotect"], "exp": ${iat + 900}.0, "nbf": 1.8E9,\r\n "iat": ${iat},
    "jti": "${jti}", "aud": "${aud}", "iss": "${iss}" }\t`;
}

/** The signature with the group's order added to its second half (RFC 8032 §5.1.7 demands S < L). */
function addOrder(signature: string): string {
  const bytes = Buffer.from(signature, "base64url");
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  let s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString("hex")}`) + order;
  for (let i = 32; i < 64; i++) {
    bytes[i] = Number(s & 255n);
    s >>= 8n;
  }
  return bytes.toString("base64url");
}

/** One case a line: a changed vector is a changed line. */
function toText(vectors: object): string {
  const members = Object.entries(vectors).map(([name, value]) => {
    const lines = Array.isArray(value) ? value.map((each) => `    ${JSON.stringify(each)}`).join(",\n") : undefined;
    return `  ${JSON.stringify(name)}: ${lines === undefined ? JSON.stringify(value) : `[\n${lines}\n  ]`}`;
  });
  return `{\n${members.join(",\n")}\n}\n`;
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(await vectorFiles())) {
    writeFileSync(join(import.meta.dirname, name), text);
  }
}
