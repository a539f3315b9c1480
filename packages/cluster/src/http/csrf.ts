import type { IncomingHttpHeaders } from "node:http";

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

/** Whether a request that is authenticated by a cookie must show that our own pages sent it. */
export function needsOwnOrigin(method: string, revealsToken: boolean): boolean {
  return revealsToken || !safeMethods.has(method);
}

/**
 * Whether our own pages sent a request: `Sec-Fetch-Site: same-origin` (W3C Fetch Metadata, which pages cannot forge) or,
 * from a client that does not send it, an `Origin` of ours. With neither header: no.
 */
export function isFromOwnOrigin(headers: IncomingHttpHeaders, ownOrigins: ReadonlySet<string>): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  return headers.origin !== undefined && ownOrigins.has(headers.origin);
}

/** True when the headers say that another site's page sent it; programs send neither header. */
export function isFromForeignOrigin(headers: IncomingHttpHeaders, ownOrigins: ReadonlySet<string>): boolean {
  const silent = headers["sec-fetch-site"] === undefined && headers.origin === undefined;
  return !silent && !isFromOwnOrigin(headers, ownOrigins);
}
