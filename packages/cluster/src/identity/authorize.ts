import type { FastifyRequest } from "fastify";
import type { Audit } from "../audit/record.ts";
import type { Deployment } from "../config/config.ts";
import type { Access, Authorize, Reach, RequestAccess, Who } from "../http/access.ts";
import { isFromOwnOrigin, needsOwnOrigin } from "../http/csrf.ts";
import { Problem, type ProblemCode } from "../http/problems.ts";
import { type IdentifyOptions, identify } from "./identify.ts";
import { isWithin, reachOf } from "./permissions.ts";
import type { Principal } from "./principal.ts";
import type { RoleBinding } from "./roles.ts";

export interface AuthorizeOptions extends IdentifyOptions {
  readonly audit: Audit;
  readonly deployment: Deployment;
  /** The origins of our own pages. */
  readonly ownOrigins: ReadonlySet<string>;
}

/** How a route refuses who has not its permission, where there is more to say than that it is missing. */
export type Refusal = (
  bindings: readonly RoleBinding[],
  deployment: Deployment,
) => { readonly code: ProblemCode; readonly detail: string };

declare module "fastify" {
  interface FastifyContextConfig {
    refusal?: Refusal;
  }
}

const nobody: Who = { kind: "nobody", id: null, name: "" };

/**
 * Decides on every request before its body is read: who sent it, did our own page send it, does a role allow the route
 * somewhere. Refusals of somebody who is known are entered in the audit log.
 */
export function createAuthorize(options: AuthorizeOptions): Authorize {
  async function refuse(
    request: FastifyRequest,
    principal: Principal,
    code: ProblemCode,
    detail?: string,
  ): Promise<never> {
    await options.durable(async (tx) => {
      options.audit.record(tx, {
        tenantId: null,
        action: "access.refuse",
        outcome: "refused",
        origin: { who: principal.who, address: request.ip, requestId: request.id },
        target: { kind: "route", id: `${request.method} ${request.routeOptions.url ?? ""}` },
        why: code,
      });
    });
    throw new Problem(code, detail);
  }

  return async (request, access) => {
    if (access.scope === "public" || access.scope === "agent") return toRequestAccess(nobody, null);
    const principal = await identify(request, options);
    request.principal = principal;

    const byCookie = principal.kind === "user";
    const revealsToken = request.routeOptions.config.revealsToken === true;
    if (
      byCookie &&
      needsOwnOrigin(request.method, revealsToken) &&
      !isFromOwnOrigin(request.headers, options.ownOrigins)
    ) {
      return refuse(request, principal, "csrf_refused");
    }
    if (access.scope === "self") return toRequestAccess(principal.who, null);

    const reach = reachOf(principal.bindings, access.permission, options.deployment);
    if (reach === null || (access.scope === "cluster" && reach !== "everywhere")) {
      const { code, detail } = request.routeOptions.config.refusal?.(principal.bindings, options.deployment) ?? {
        code: "permission_missing",
        detail: missingText(access),
      };
      return refuse(request, principal, code, detail);
    }
    return toRequestAccess(principal.who, reach);
  };
}

function missingText({ permission, scope }: Access): string {
  const where = scope === "cluster" ? " for the whole cluster" : "";
  return `None of your roles has the permission ${permission}${where}.`;
}

function toRequestAccess(who: Who, reach: Reach | null): RequestAccess {
  let narrowed = false;
  return {
    who,
    reach() {
      if (reach === null) throw new Error("A route without permission has no reach.");
      narrowed = true;
      return reach;
    },
    requireTenant(tenantId) {
      narrowed = true;
      if (!isWithin(reach, tenantId)) throw new Problem("not_found");
    },
    get narrowed() {
      return narrowed;
    },
  };
}
