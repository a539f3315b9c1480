import type { UnverifiedResponse } from "./exchange.ts";

/**
 * The stable code in an error of the cluster's (problem+json, RFC 9457), or `http_<status>`. Unsigned: it may steer
 * when the agent asks again and what a person reads, never protection.
 */
export function unverifiedProblemCode(response: UnverifiedResponse): string {
  try {
    const { code } = JSON.parse(response.body) as { code?: unknown };
    if (typeof code === "string" && /^[a-z][a-z_]{0,59}$/.test(code)) return code;
  } catch {
    // Not one of ours: a proxy, or something else on that address.
  }
  return `http_${response.status}`;
}

/** The member `answer` of a response's JSON, or undefined. */
export function unverifiedAnswer(response: UnverifiedResponse): string | undefined {
  try {
    const { answer } = JSON.parse(response.body) as { answer?: unknown };
    return typeof answer === "string" ? answer : undefined;
  } catch {
    return undefined;
  }
}
