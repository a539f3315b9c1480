import { base64urlLength, encodeBase64url, readBase64url, writeBase64url } from "./base64url.ts";
import type { Signer } from "./signing.ts";

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const signatureBytes = 64;
const dot = ".".charCodeAt(0);

/** A JSON object as it was decoded: nothing about its members is known yet. */
export type JsonObject = { readonly [name: string]: unknown };

/** A compact JWS taken apart. Nothing in it has been verified: neither who signed it nor what it says. */
export interface UnverifiedJws {
  readonly unverifiedHeader: JsonObject;
  /** Parses the payload; undefined unless it is a JSON object. To be called after the signature has been verified. */
  payload(): JsonObject | undefined;
  /** What was signed: the first two parts and the dot between them (RFC 7515 §5.2, step 8). */
  readonly signingInput: Uint8Array;
  readonly signature: Uint8Array;
}

/** The members of a protected header that the signer does not give: `alg` and `kid` are its own. */
export type HeaderMembers = { readonly typ: string; readonly [name: string]: unknown };

/**
 * Signs `payload` as JWS Compact Serialization (RFC 7515 §7.1); `alg` and `kid` are the signer's.
 *
 * @throws {TypeError} the signer gave something other than 64 bytes, which no reader would accept
 */
export function signCompact(header: HeaderMembers, payload: object, signer: Signer): Promise<string> {
  return signUnder(encodeHeader(header, signer), payload, signer);
}

/** The first part of a compact JWS and its dot, as {@link signUnder} takes it: whoever signs much keeps it. */
export function encodeHeader(header: HeaderMembers, signer: Signer): Uint8Array {
  const json = utf8.encode(JSON.stringify({ ...header, alg: signer.alg, kid: signer.kid }));
  return utf8.encode(`${encodeBase64url(json)}.`);
}

/**
 * {@link signCompact} with the header encoded before. The token is written once, as bytes: text put together piece by piece would
 * be copied twice more, for the signer and for the caller.
 */
export async function signUnder(encodedHeader: Uint8Array, payload: object, signer: Signer): Promise<string> {
  const json = utf8.encode(JSON.stringify(payload));
  const signedLength = encodedHeader.length + base64urlLength(json.length);
  const token = roomFor(signedLength + 1 + base64urlLength(signatureBytes));
  token.set(encodedHeader);
  writeBase64url(json, token, encodedHeader.length);
  const signature = await signer.sign(token.subarray(0, signedLength));
  if (signature.length !== signatureBytes) throw new TypeError("the signer gave no Ed25519 signature");
  token[signedLength] = dot;
  writeBase64url(signature, token, signedLength + 1);
  return strictUtf8.decode(token);
}

let room = new Uint8Array(0);
let given = 0;

/** Bytes that nobody else has. A large piece is given away part by part: memory of their own would cost more than filling them. */
function roomFor(length: number): Uint8Array {
  if (given + length > room.length) [room, given] = [new Uint8Array(Math.max(length, 65_536)), 0];
  given += length;
  return room.subarray(given - length, given);
}

/**
 * Takes a compact JWS apart, or gives undefined when `text` is not one: exactly three parts, each canonical base64url,
 * the first a JSON object, the last 64 bytes. Never throws, whatever the text.
 *
 * `maxChars` bounds the work before anything is decoded.
 */
export function parseCompact(text: string, maxChars: number): UnverifiedJws | undefined {
  if (text.length > maxChars) return undefined;
  const bytes = utf8.encode(text);
  const firstDot = bytes.indexOf(dot);
  const lastDot = bytes.indexOf(dot, firstDot + 1);
  if (firstDot < 1 || lastDot < 0) return undefined;

  const header = readBase64url(bytes.subarray(0, firstDot));
  const payload = readBase64url(bytes.subarray(firstDot + 1, lastDot));
  // A fourth part would be refused here: its dot is no character of base64url.
  const signature = readBase64url(bytes.subarray(lastDot + 1));
  if (!header || !payload || signature?.length !== signatureBytes) return undefined;

  const unverifiedHeader = decodeJson(header);
  if (!unverifiedHeader) return undefined;
  return {
    unverifiedHeader,
    payload: () => decodeJson(payload),
    signingInput: bytes.subarray(0, lastDot),
    signature,
  };
}

/**
 * Whether `crit` (RFC 7515 §4.1.11; the same rule for claims) is absent, or a well-formed list of names that are all
 * present and all understood. A sender lists there what must not be ignored.
 */
export function understandsCritical(members: JsonObject, understood: ReadonlySet<string>): boolean {
  const critical = members["crit"];
  if (critical === undefined) return true;
  if (!Array.isArray(critical) || critical.length === 0) return false;
  return critical.every((name) => typeof name === "string" && understood.has(name) && Object.hasOwn(members, name));
}

function decodeJson(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(strictUtf8.decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
