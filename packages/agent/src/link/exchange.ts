import http from "node:http";
import https from "node:https";
import tls from "node:tls";
import { maxBodyBytes, protocolHeader, protocolVersion } from "@postern/protocol";
import { maxRetryAfterMs } from "../limits.ts";
import type { ClusterAddress } from "../store/trust-anchor.ts";

/** What came back, whoever sent it: nothing in it is trusted. */
export interface UnverifiedResponse {
  readonly status: number;
  readonly body: string;
  /** What `Retry-After` asks for, ms from now. */
  readonly retryAfterMs?: number;
}

/** Sends one request and waits for the whole response. @throws {NoResponse} */
export type Exchange = (
  path: string,
  body: string,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
) => Promise<UnverifiedResponse>;

/** No response: `code` is the system's or TLS's word for it, or `aborted`, `timeout`, `too_long`, `closed`. */
export class NoResponse extends Error {
  override readonly name = "NoResponse";
  readonly code: string;

  constructor(code: string, options?: ErrorOptions) {
    super(`the cluster gave no response: ${code}`, options);
    this.code = code;
  }
}

/**
 * Reaches the cluster over HTTPS, or over HTTP on this very machine. TLS gives confidentiality; what is trusted is
 * signed. Redirections are not followed: the address was given by an administrator.
 *
 * @throws {TypeError} {@link checkClusterUrl} would have said why
 */
export function exchangeWith(address: ClusterAddress): Exchange {
  const { urlOf, request, agent } = wayTo(address, true);

  const attempt: Exchange = (path, body, { timeoutMs, signal }) =>
    new Promise((resolve, reject) => {
      let begun = false;
      let settled = false;
      const outgoing = request(
        urlOf(path),
        {
          method: "POST",
          agent,
          headers: {
            "content-type": "application/json",
            "content-length": Buffer.byteLength(body),
            accept: "application/json",
            [protocolHeader]: String(protocolVersion),
          },
          ...(signal ? { signal } : {}),
        },
        (response) => {
          begun = true;
          const pieces: Buffer[] = [];
          let bytes = 0;
          response.on("data", (piece: Buffer) => {
            bytes += piece.length;
            if (bytes > maxBodyBytes) end(new NoResponse("too_long"));
            else pieces.push(piece);
          });
          response.on("end", () => {
            if (!settle()) return;
            const wait = retryAfter(response.headers["retry-after"]);
            resolve({
              status: response.statusCode ?? 0,
              body: Buffer.concat(pieces).toString("utf8"),
              ...(wait === undefined ? {} : { retryAfterMs: wait }),
            });
          });
          response.on("error", fail);
        },
      );
      const timer = setTimeout(() => end(new NoResponse("timeout")), timeoutMs);
      outgoing.on("error", fail);
      // A response may be none in other ways than by an error, such as 101: without this nobody would ever ask again.
      outgoing.on("close", () => end(new NoResponse("closed")));
      outgoing.end(body);

      function settle(): boolean {
        const first = !settled;
        settled = true;
        clearTimeout(timer);
        return first;
      }

      function end(error: NoResponse): void {
        if (settle()) reject(error);
        outgoing.destroy();
      }

      function fail(error: NodeJS.ErrnoException): void {
        if (!settle()) return;
        // A kept connection that the other side had closed meanwhile: nothing of the request was served.
        if (outgoing.reusedSocket && !begun && error.code === "ECONNRESET" && !signal?.aborted) {
          attempt(path, body, { timeoutMs, ...(signal ? { signal } : {}) }).then(resolve, reject);
        } else reject(new NoResponse(codeOf(error), { cause: error }));
      }
    });
  return attempt;
}

/**
 * How requests to a cluster go: to its address, past its proxy, with the certificates that vouch for it.
 *
 * @throws {TypeError} {@link checkClusterUrl} would have said why
 */
export function wayTo(address: ClusterAddress, keepAlive: boolean) {
  const url = new URL(address.url);
  if (checkClusterUrl(address.url) !== undefined) throw new TypeError(`not a cluster's address: ${url.origin}`);
  const secure = url.protocol === "https:";
  const proxyEnv =
    address.proxy === undefined ? {} : { proxyEnv: { https_proxy: address.proxy, http_proxy: address.proxy } };
  const agent = secure
    ? new https.Agent({
        keepAlive,
        ...proxyEnv,
        ca: address.ca ?? [...tls.getCACertificates("default"), ...tls.getCACertificates("system")],
        // Said here, so that no environment variable says otherwise.
        rejectUnauthorized: true,
      })
    : new http.Agent({ keepAlive, ...proxyEnv });
  const base = url.pathname.replace(/\/+$/, "");
  return { urlOf: (path: string) => new URL(base + path, url), request: secure ? https.request : http.request, agent };
}

/** Why this cannot be a cluster's address, or undefined: HTTPS anywhere, plain HTTP on loopback only. */
export function checkClusterUrl(text: string): "url_malformed" | "url_insecure" | undefined {
  if (!URL.canParse(text)) return "url_malformed";
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") return "url_malformed";
  if (url.protocol === "https:") return undefined;
  if (url.protocol !== "http:") return "url_malformed";
  return isLoopback(url.hostname) ? undefined : "url_insecure";
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** `Retry-After` in its two forms (RFC 9110 §10.2.3): seconds, or a date, which we have no clock for. */
export function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d{1,9}$/.test(header)) return undefined;
  return Math.min(Number(header) * 1000, maxRetryAfterMs);
}

export function codeOf(error: NodeJS.ErrnoException): string {
  return error.name === "AbortError" ? "aborted" : (error.code ?? error.name);
}
