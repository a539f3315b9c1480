import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { CommandFailed, exitCodes } from "./failure.ts";

/** One request to the cluster and its whole answer. */
export interface Exchange {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Sent as it is, in place of a body of JSON. */
  readonly file?: Blob;
  /** Milliseconds until the answer must have begun, and unless it is taken in pieces, have ended. */
  readonly timeoutMs?: number;
}

export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A check-in is held longer than this, but few of an operator's requests are. */
const usualTimeoutMs = 30_000;

/**
 * Sends a request and reads its answer. Redirects are not followed: credentials go to the address that was given.
 *
 * @throws {CommandFailed} 4: nobody answers there, or not this cluster
 */
export async function exchange(request: Exchange): Promise<ExchangeAnswer> {
  const signal = AbortSignal.timeout(request.timeoutMs ?? usualTimeoutMs);
  return explaining(request, async () => {
    const response = await send(request, signal);
    return { status: response.status, headers: response.headers, text: await response.text() };
  });
}

/**
 * Sends a request and gives a good answer to `take` in pieces, as they come; any other is read whole and returned.
 *
 * @throws {CommandFailed} 4: also when the answer is cut off
 */
export async function exchangeInPieces(
  request: Exchange,
  take: (piece: Uint8Array) => Promise<void>,
): Promise<ExchangeAnswer> {
  const waiting = new AbortController();
  const timer = setTimeout(
    () => waiting.abort(new DOMException("", "TimeoutError")),
    request.timeoutMs ?? usualTimeoutMs,
  );
  return explaining(request, async () => {
    try {
      const response = await send(request, waiting.signal);
      clearTimeout(timer);
      const { status, headers } = response;
      if (status !== 200) return { status, headers, text: await response.text() };
      if (response.body !== null) for await (const piece of response.body) await take(piece);
      return { status, headers, text: "" };
    } finally {
      clearTimeout(timer);
    }
  });
}

async function send({ method, url, headers, body, file }: Exchange, signal: AbortSignal): Promise<Response> {
  if (url.protocol === "https:") trustSystemStore();
  return fetch(url, {
    method,
    headers: {
      accept: "application/json",
      ...headers,
      ...(body === undefined ? {} : jsonHeader),
      ...(file === undefined ? {} : fileHeader),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(file === undefined ? {} : { body: file }),
    redirect: "manual",
    signal,
  });
}

/** Tells why there was no answer. What a taker of pieces refuses is told as it is. */
async function explaining(request: Exchange, run: () => Promise<ExchangeAnswer>): Promise<ExchangeAnswer> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof CommandFailed) throw error;
    const reason = reasonOf(error, request.timeoutMs ?? usualTimeoutMs);
    throw new CommandFailed(exitCodes.unreachable, `No answer from ${request.url.origin}: ${reason}.`, [
      "Is the cluster running, and is this its address? POSTERN_URL or postern login --url gives another one.",
    ]);
  }
}

let systemStoreIsTrusted = false;

/** An authority of one's own is in the machine's store, which Node by itself does not look into. */
function trustSystemStore(): void {
  if (systemStoreIsTrusted) return;
  systemStoreIsTrusted = true;
  setDefaultCACertificates([...new Set([...getCACertificates("default"), ...getCACertificates("system")])]);
}

const fileHeader = { "content-type": "application/octet-stream" };
const jsonHeader = { "content-type": "application/json" };

/** The media type without its parameters, in lower case. */
export function mediaTypeOf(headers: Headers): string {
  return (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there (connection refused)",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name cannot be looked up now",
  ECONNRESET: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
  ETIMEDOUT: "the connection was not made in time",
  UND_ERR_CONNECT_TIMEOUT: "the connection was not made in time",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is not trusted; name its authority with NODE_EXTRA_CA_CERTS=FILE",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is not trusted; name its authority with NODE_EXTRA_CA_CERTS=FILE",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is not trusted; name its authority with NODE_EXTRA_CA_CERTS=FILE",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is not trusted; name its authority with NODE_EXTRA_CA_CERTS=FILE",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host name",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS there",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "it does not speak TLS there",
};

function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof DOMException && error.name === "TimeoutError") return `no answer within ${timeoutMs / 1000} s`;
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return "the request failed";
  const code = "code" in cause ? String(cause.code) : "";
  return reasons[code] ?? (cause.message || code);
}
