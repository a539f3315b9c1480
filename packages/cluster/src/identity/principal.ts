import type { FastifyRequest } from "fastify";
import type { UnixMs } from "../clock.ts";
import type { Who } from "../http/access.ts";
import { Problem } from "../http/problems.ts";
import type { RoleBinding } from "./roles.ts";

/** Somebody who is logged in: a person by a session, or a program by an API key of a person. */
export interface Principal {
  readonly kind: "user" | "api_key";
  /** The person; for an API key the one who made it. */
  readonly userId: string;
  readonly who: Who;
  readonly bindings: readonly RoleBinding[];
  /** When the password was last given; null for an API key, which has none. */
  readonly passwordGivenAt: UnixMs | null;
  /** Whether the person logs in by a password, or by way of the identity provider. */
  readonly hasPassword: boolean;
  /** The session or API key by which the request came. */
  readonly credentialId: string;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Use `principalOf(request)`. */
    principal: Principal | null;
  }
}

/**
 * Who sent the request.
 *
 * @throws {Problem} unauthenticated
 */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new Problem("unauthenticated");
  return request.principal;
}
