import { type AgentTokenClaims, maxTokenChars, parseAudience, parseCompact } from "@postern/token";
import type { TokenView } from "../commands.ts";
import { span } from "./sentences.ts";
import { lines, second } from "./table.ts";

/** What a token says of itself. Nothing of it is verified: whoever wrote it may have written anything. */
export interface UnverifiedToken {
  readonly kid?: string;
  readonly claims: Partial<Record<keyof AgentTokenClaims, unknown>>;
}

/** Reads a token that may be anything; undefined when there is nothing to read in it. */
export function readUnverified(text: string): UnverifiedToken | undefined {
  const token = parseCompact(text.trim(), maxTokenChars);
  const claims = token?.payload();
  if (!token || !claims) return undefined;
  const { kid } = token.unverifiedHeader;
  return { ...(typeof kid === "string" ? { kid: plain(kid) } : {}), claims };
}

/** What `-explain` prints of a token whose signature the service has verified. Times are told from `trustedMs`. */
export function tokenText(token: TokenView, kid: string | undefined, trustedMs: number | undefined): string {
  const will = token.refusal === undefined ? "accept it" : `refuse it: ${token.refusal}`;
  return lines([
    ...rowsOf({ ...token, ...(token.challenge ? { chg: true } : {}) }, kid, trustedMs),
    ["this agent would", will],
  ]);
}

/** The same of one that the service did not or could not verify. */
export function unverifiedText({ kid, claims }: UnverifiedToken): string {
  return `What it says of itself; nothing of this is verified:\n${lines(rowsOf(claims, kid, undefined))}`;
}

type Row = readonly [string, string];

function rowsOf(
  claims: UnverifiedToken["claims"],
  kid: string | undefined,
  trustedMs: number | undefined,
): readonly Row[] {
  const { aud, iss, iat, nbf, exp, lift, jti, chg } = claims;
  const rows: readonly (readonly [string, unknown])[] = [
    ["kind", typeof aud === "string" ? kindOf(aud) : undefined],
    ["for", aud],
    ["of", iss],
    ["issued", momentOf(iat, trustedMs)],
    ["valid from", nbf === iat ? undefined : momentOf(nbf, trustedMs)],
    ["expires", momentOf(exp, trustedMs)],
    ["lifts for", typeof lift === "number" && lift >= 0 ? `${span(lift)} at most` : undefined],
    ["answers a challenge", chg === undefined ? "no" : "yes"],
    ["token id", jti],
    ["key id", kid],
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, plain(String(value))] as const]));
}

function kindOf(aud: string): string {
  const kinds = { agent: "for one agent", tenant: "for a tenant's agents", cluster: "for all agents of the cluster" };
  const kind = parseAudience(aud)?.kind;
  return kind === undefined ? "unknown" : `${kind}: ${kinds[kind]}`;
}

const latestSecond = 8.64e12;

function momentOf(seconds: unknown, trustedMs: number | undefined): string | undefined {
  if (typeof seconds !== "number" || !Number.isSafeInteger(seconds) || Math.abs(seconds) > latestSecond)
    return undefined;
  const at = second(seconds * 1000);
  if (trustedMs === undefined) return at;
  const leftSeconds = seconds - Math.floor(trustedMs / 1000);
  return `${at} (${leftSeconds > 0 ? `in ${span(leftSeconds)}` : `${span(-leftSeconds)} ago`})`;
}

const maxShown = 120;

/** A terminal obeys control characters, and a forger chooses the words. */
function plain(text: string): string {
  return text.slice(0, maxShown).replace(/[^ -~]/g, "?");
}
