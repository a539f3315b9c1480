import {
  type JsonObject,
  parseCompact,
  type Signer,
  signCompact,
  understandsCritical,
  type VerifyKey,
} from "@postern/token";
import type { Static, TObject, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { MessageRefused } from "./refusal.ts";

/**
 * A kind of signed message: JWS compact (RFC 7515 §7.1), Ed25519, told apart by `typ` (RFC 8725 §3.11).
 *
 * Rule for the wire: unknown members are ignored and dropped, so that versions can meet; one that must not be ignored
 * is named in `crit`, and who does not know it refuses the message.
 */
export interface MessageKind<Schema extends TObject> {
  readonly typ: string;
  readonly maxChars: number;
  readonly schema: Schema;
  /** Whether `value` is of the schema; unknown members do not matter. */
  check(value: unknown): value is Static<Schema>;
}

export function messageKind<Schema extends TObject>(
  typ: string,
  maxChars: number,
  schema: Schema,
): MessageKind<Schema> {
  // Compiled, since a cluster checks each of its agents' messages; late, since most programs read only some kinds.
  let compiled: { Check(value: unknown): boolean } | undefined;
  return {
    typ,
    maxChars,
    schema,
    check(value): value is Static<Schema> {
      compiled ??= Compile(schema);
      return compiled.Check(value);
    },
  };
}

/**
 * Signs `claims` as a message of `kind`; `header` adds protected members beside `typ`, `alg` and `kid`. What the schema
 * does not name is not signed: a caller's object may hold more than its type tells.
 *
 * @throws {TypeError} claims that the receiver would refuse, or too long a message
 */
export async function sealMessage<Schema extends TObject>(
  kind: MessageKind<Schema>,
  claims: Static<Schema>,
  signer: Signer,
  header: JsonObject = {},
): Promise<string> {
  if (!kind.check(claims)) throw new TypeError(`not the claims of ${kind.typ}`);
  const named = onlyNamed(kind.schema, claims) as object;
  const message = await signCompact({ ...header, typ: kind.typ }, named, signer);
  if (message.length > kind.maxChars) throw new TypeError(`${kind.typ} is longer than ${kind.maxChars} characters`);
  return message;
}

/** What a message says of itself before anything is verified: to find the key with, and for nothing else. */
export interface UnverifiedMessage<Schema extends TObject> {
  readonly unverifiedHeader: JsonObject;
  readonly unverifiedClaims: Static<Schema>;
  /** The claims, now verified. @throws {MessageRefused} unknown_key, bad_signature */
  verify(keyFor: (kid: string) => VerifyKey | undefined): Static<Schema>;
}

/**
 * Takes a message of `kind` apart without verifying it.
 *
 * @throws {MessageRefused} malformed, wrong_type, wrong_algorithm
 */
export function readUnverified<Schema extends TObject>(
  kind: MessageKind<Schema>,
  message: string,
): UnverifiedMessage<Schema> {
  const unverified = parseCompact(message, kind.maxChars);
  if (!unverified) throw new MessageRefused("malformed");
  const header = unverified.unverifiedHeader;
  if (header["typ"] !== kind.typ) throw new MessageRefused("wrong_type");
  if (header["alg"] !== "Ed25519") throw new MessageRefused("wrong_algorithm");
  const claims = unverified.payload();
  if (!understandsCritical(header, new Set()) || !claims) throw new MessageRefused("malformed");
  if (!understandsCritical(claims, new Set(Object.keys(kind.schema.properties)))) throw new MessageRefused("malformed");
  if (!kind.check(claims)) throw new MessageRefused("malformed");
  const unverifiedClaims = onlyNamed(kind.schema, claims) as Static<Schema>;
  return {
    unverifiedHeader: header,
    unverifiedClaims,
    verify(keyFor) {
      const key = typeof header["kid"] === "string" ? keyFor(header["kid"]) : undefined;
      if (!key) throw new MessageRefused("unknown_key");
      if (!key.verify(unverified.signingInput, unverified.signature)) throw new MessageRefused("bad_signature");
      return unverifiedClaims;
    },
  };
}

/**
 * Verifies a message of `kind` under the keys of that use, and returns its claims.
 *
 * @throws {MessageRefused} malformed, wrong_type, wrong_algorithm, unknown_key, bad_signature
 */
export function openMessage<Schema extends TObject>(
  kind: MessageKind<Schema>,
  message: string,
  keys: ReadonlyMap<string, VerifyKey>,
): Static<Schema> {
  return readUnverified(kind, message).verify((kid) => keys.get(kid));
}

/** A checked value without the members that its schema does not name, at any depth. */
function onlyNamed(schema: TSchema, value: unknown): unknown {
  const { properties, items } = schema as { properties?: Record<string, TSchema>; items?: TSchema };
  if (properties) {
    const members = Object.entries(properties).filter(([name]) => Object.hasOwn(value as object, name));
    return Object.fromEntries(members.map(([name, of]) => [name, onlyNamed(of, (value as JsonObject)[name])]));
  }
  return items ? (value as unknown[]).map((item) => onlyNamed(items, item)) : value;
}
