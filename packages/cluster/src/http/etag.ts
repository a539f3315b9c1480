import type { FastifyRequest } from "fastify";
import { Problem } from "./problems.ts";

/** The ETag of a row that counts its changes (RFC 9110 §8.8.3). */
export function etagOf(revision: number): string {
  return `"${revision}"`;
}

/**
 * Refuses a change made on something older than what is there. Without `If-Match` the sender says that it does not care.
 *
 * @throws {Problem} precondition_failed
 */
export function requireMatch(request: FastifyRequest, revision: number): void {
  const wanted = request.headers["if-match"];
  if (wanted === undefined || wanted === "*") return;
  const tags = wanted.split(",").map((tag) => tag.trim());
  if (!tags.includes(etagOf(revision))) throw new Problem("precondition_failed");
}
