import type { FastifyReply } from "fastify";

/** For answers that are data: never framed, never sniffed, never kept by a cache. */
export function setSecurityHeaders(reply: FastifyReply, overTls: boolean): void {
  reply.headers({
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
  if (overTls) reply.header("strict-transport-security", "max-age=31536000");
}
