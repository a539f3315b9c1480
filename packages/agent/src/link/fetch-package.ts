import { protocolHeader, protocolVersion } from "@postern/protocol";
import { fetchStallMs } from "../limits.ts";
import type { ClusterAddress } from "../store/trust-anchor.ts";
import { codeOf, retryAfter, wayTo } from "./exchange.ts";

/** A fetch that brought not all of a package. `retryAfterMs` is what the cluster asks for. */
export class FetchFailed extends Error {
  override readonly name = "FetchFailed";
  readonly code: string;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, retryAfterMs?: number) {
    super(`the package was not fetched: ${code}`);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What to fetch, from which byte on, and where it goes; nothing of it is trusted before its digest was compared. */
export interface PackageFetch {
  readonly path: string;
  readonly sha256: string;
  /** Bytes in all: one more is refused, before it is written. */
  readonly size: number;
  /** Bytes that are there already. */
  readonly from: number;
  /** Takes the next bytes, which belong at `offset`. */
  take(offset: number, unverified: Uint8Array): void;
  readonly signal: AbortSignal;
}

export type FetchPackage = (fetch: PackageFetch) => Promise<void>;

/**
 * Fetches packages from a cluster. Where some of it is there, only the rest is asked for; a server that sends all none
 * the less is taken at its word.
 *
 * @throws {FetchFailed}
 */
export function fetchFrom(address: ClusterAddress): FetchPackage {
  return (fetch) =>
    new Promise((resolve, reject) => {
      const { urlOf, request, agent } = wayTo(address, false);
      const { size, from, signal } = fetch;
      const headers: Record<string, string> = {
        accept: "application/octet-stream",
        "accept-encoding": "identity",
        [protocolHeader]: String(protocolVersion),
        ...(from > 0 ? { range: `bytes=${from}-`, "if-range": `"${fetch.sha256}"` } : {}),
      };
      const outgoing = request(urlOf(fetch.path), { method: "GET", agent, headers, signal }, (response) => {
        const { statusCode = 0, headers } = response;
        const isRest = statusCode === 206 && headers["content-range"] === `bytes ${from}-${size - 1}/${size}`;
        if (statusCode !== 200 && !isRest)
          return end(new FetchFailed(`http_${statusCode}`, retryAfter(headers["retry-after"])));
        let offset = isRest ? from : 0;
        response.on("data", (piece: Buffer) => {
          stall.refresh();
          if (offset + piece.length > size) return end(new FetchFailed("too_long"));
          try {
            fetch.take(offset, piece);
          } catch (error) {
            return end(new FetchFailed(codeOf(error as NodeJS.ErrnoException)));
          }
          offset += piece.length;
        });
        response.on("end", () => end(offset === size ? undefined : new FetchFailed("too_short")));
        response.on("error", (error) => end(new FetchFailed(codeOf(error))));
      });
      const stall = setTimeout(() => end(new FetchFailed("timeout")), fetchStallMs);
      outgoing.on("error", (error) => end(new FetchFailed(codeOf(error))));
      outgoing.on("close", () => end(new FetchFailed("closed")));
      outgoing.end();

      /** The first end counts. */
      function end(failure?: Error): void {
        clearTimeout(stall);
        if (failure) reject(failure);
        else resolve();
        outgoing.destroy();
        agent.destroy();
      }
    });
}
