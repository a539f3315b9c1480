import { decodeBase64url, encodeBase64url } from "./base64url.ts";
import type { Signer } from "./signing.ts";

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const signatureBytes = 64;

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

/**
 * Signs `payload` as JWS Compact Serialization (RFC 7515 §7.1); `alg` and `kid` are the signer's.
 *
 * @throws {TypeError} the signer gave something other than 64 bytes, which no reader would accept
 */
export async function signCompact(
  header: { readonly typ: string; readonly [name: string]: unknown },
  payload: object,
  signer: Signer,
): Promise<string> {
  const signingInput = `${encodeJson({ ...header, alg: signer.alg, kid: signer.kid })}.${encodeJson(payload)}`;
  const signature = await signer.sign(utf8.encode(signingInput));
  if (signature.length !== signatureBytes) throw new TypeError("the signer gave no Ed25519 signature");
  return `${signingInput}.${encodeBase64url(signature)}`;
}

/**
 * Takes a compact JWS apart, or gives undefined when `text` is not one: exactly three parts, each canonical base64url,
 * the first a JSON object, the last 64 bytes. Never throws, whatever the text.
 *
 * `maxChars` bounds the work before anything is decoded.
 */
export function parseCompact(text: string, maxChars: number): UnverifiedJws | undefined {
  if (text.length > maxChars) return undefined;
  const firstDot = text.indexOf(".");
  const lastDot = text.indexOf(".", firstDot + 1);
  if (firstDot < 1 || lastDot < 0) return undefined;

  const header = decodeBase64url(text.slice(0, firstDot));
  const payload = decodeBase64url(text.slice(firstDot + 1, lastDot));
  // A fourth part would be refused here: its dot is no character of base64url.
  const signature = decodeBase64url(text.slice(lastDot + 1));
  if (!header || !payload || signature?.length !== signatureBytes) return undefined;

  const unverifiedHeader = decodeJson(header);
  if (!unverifiedHeader) return undefined;
  return {
    unverifiedHeader,
    payload: () => decodeJson(payload),
    signingInput: utf8.encode(text.slice(0, lastDot)),
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

function encodeJson(value: object): string {
  return encodeBase64url(utf8.encode(JSON.stringify(value)));
}

function decodeJson(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(strictUtf8.decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
