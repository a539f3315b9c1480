import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { CommandFailed, exitCodes } from "./failure.ts";

/** One request to the cluster and its whole answer. */
export interface Exchange {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A check-in is held longer than this, but no operator's request is. */
const timeoutMs = 30_000;

/**
 * Sends a request and reads its answer. Redirects are not followed: credentials go to the address that was given.
 *
 * @throws {CommandFailed} 4: nobody answers there, or not this cluster
 */
export async function exchange({ method, url, headers, body }: Exchange): Promise<ExchangeAnswer> {
  if (url.protocol === "https:") trustSystemStore();
  try {
    const response = await fetch(url, {
      method,
      headers: { accept: "application/json", ...headers, ...(body === undefined ? {} : jsonHeader) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch (error) {
    throw new CommandFailed(exitCodes.unreachable, `No answer from ${url.origin}: ${reasonOf(error)}.`, [
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

function reasonOf(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") return `no answer within ${timeoutMs / 1000} s`;
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return "the request failed";
  const code = "code" in cause ? String(cause.code) : "";
  return reasons[code] ?? (cause.message || code);
}
