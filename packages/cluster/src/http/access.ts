import type { FastifyInstance, FastifyRequest, RouteOptions } from "fastify";
import { Problem } from "./problems.ts";

/**
 * What a route demands. `cluster`: the permission for the whole cluster. `tenant`, `object`: the permission in some
 * tenant; the handler then narrows with `reach()` or `requireTenant()`, and an answer without that is not sent.
 * `self`: anybody who is logged in, about themselves. `agent`: no log-in, the message is signed by the agent.
 * `public`: anybody.
 */
export interface Access {
  readonly permission: string;
  readonly scope: "cluster" | "tenant" | "object" | "self" | "agent" | "public";
}

/** Somebody who acts, as the audit log names them. */
export interface Who {
  readonly kind: "user" | "api_key" | "agent" | "operator" | "system" | "nobody";
  readonly id: string | null;
  readonly name: string;
}

/** The tenants in which somebody holds a permission. Never an empty set. */
export type Reach = "everywhere" | ReadonlySet<string>;

/** What was found out about the sender of a request before its handler runs. */
export interface RequestAccess {
  readonly who: Who;
  /** Where the sender holds the route's permission; lists are cut to it. */
  reach(): Reach;
  /**
   * For one object: its tenant must be within reach.
   *
   * @throws {Problem} not_found: another tenant's object must look like none
   */
  requireTenant(tenantId: string): void;
  /** True once one of the two above was asked. */
  readonly narrowed: boolean;
}

/** Finds out who sent a request and refuses who may not; runs before the body is read. */
export type Authorize = (request: FastifyRequest, access: Access) => Promise<RequestAccess>;

declare module "fastify" {
  interface FastifyRequest {
    /** Use `accessOf(request)`. */
    access: RequestAccess | null;
  }
  interface FastifyContextConfig {
    access?: Access;
    /** A GET whose answer shows a token: with a cookie it is held to the same rule as a change. */
    revealsToken?: boolean;
  }
}

/** What is known about the sender; every handler has it. */
export function accessOf(request: FastifyRequest): RequestAccess {
  if (request.access === null) throw new Error("The request was not authorized.");
  return request.access;
}

/** Refuses to start with a route that declares no access, and lets `authorize` decide on every request. */
export function enforceAccess(app: FastifyInstance, authorize: Authorize): void {
  app.decorateRequest("access", null);

  app.addHook("onRoute", (route: RouteOptions) => {
    if (route.config?.access === undefined) throw new Error(`${route.method} ${route.url} declares no access.`);
  });

  app.addHook("onRequest", async (request) => {
    if (request.is404) return;
    const access = request.routeOptions.config.access;
    if (access === undefined) throw new Problem("internal");
    request.access = await authorize(request, access);
  });

  app.addHook("onSend", async (request, reply, payload) => {
    const scope = request.routeOptions.config.access?.scope;
    const needsNarrowing = scope === "tenant" || scope === "object";
    if (needsNarrowing && reply.statusCode < 400 && request.access?.narrowed !== true) {
      throw new Error(`${request.method} ${request.routeOptions.url ?? ""} answered without asking for its tenant.`);
    }
    return payload;
  });
}
