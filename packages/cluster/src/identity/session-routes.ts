import type { FastifyReply } from "fastify";
import { Type } from "typebox";
import { toRfc3339, toRfc3339OrNull } from "../clock.ts";
import type { Deployment } from "../config/config.ts";
import type { Reach } from "../http/access.ts";
import { isFromForeignOrigin } from "../http/csrf.ts";
import { originOf } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import { closed, NoContent, nullable, oneOf, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import { permissions, reachOf, reachOfTokenKind } from "./permissions.ts";
import { type Principal, principalOf } from "./principal.ts";
import { LoginBy, loginBy, Password, RoleBody } from "./schemas.ts";
import type { Sessions } from "./sessions.ts";

/** The session cookie: on HTTPS bound to this host by its name (RFC 6265bis §4.1.3.2), on loopback HTTP a plain one. */
export interface SessionCookie {
  readonly name: "__Host-pst" | "pst";
  readonly secure: boolean;
}

export function sessionCookie(secure: boolean): SessionCookie {
  return { name: secure ? "__Host-pst" : "pst", secure };
}

/** How the cluster's cookies are set: sent on the way back from an identity provider, never to scripts. */
export function sessionAttributes({ secure }: SessionCookie) {
  return { path: "/", httpOnly: true, secure, sameSite: "lax" } as const;
}

const tokenKinds = ["cluster", "tenant", "agent"] as const;

const Who = Type.Object({
  kind: oneOf(["user", "api_key"]),
  id: Uuid,
  name: Type.String(),
  userId: Uuid,
  roles: Type.Array(RoleBody),
  permissions: Type.Array(
    Type.Object({
      permission: Type.String(),
      everywhere: Type.Boolean(),
      tenantIds: Type.Array(Uuid, { description: "Where the permission is held, unless everywhere" }),
    }),
  ),
  agentTokens: Type.Array(
    Type.Object({ kind: oneOf(tokenKinds), everywhere: Type.Boolean(), tenantIds: Type.Array(Uuid) }),
    { description: "The kinds of agent token that may be generated and retrieved, and where" },
  ),
  deployment: oneOf(["on-prem", "saas"]),
  loginBy: LoginBy,
  passwordGivenAt: nullable(Time),
});

const LoggedIn = Type.Object({ endsAt: Time });

export interface SessionRoutesOptions {
  readonly sessions: Sessions;
  readonly cookie: SessionCookie;
  readonly ownOrigins: ReadonlySet<string>;
  readonly deployment: Deployment;
  /** Whether people can log in by way of an identity provider, too. */
  readonly hasProvider: boolean;
}

export function sessionRoutes(
  api: Server,
  { sessions, cookie, ownOrigins, deployment, hasProvider }: SessionRoutesOptions,
): void {
  const tags = ["session"];
  const self = (permission: string) => ({ access: { permission, scope: "self" } }) as const;
  const attributes = sessionAttributes(cookie);

  api.post(
    "/session",
    {
      config: { access: { permission: "session.create", scope: "public" } },
      schema: {
        tags,
        summary: "Log in",
        body: closed({ name: Type.String({ minLength: 1, maxLength: 200 }), password: Password }),
        response: { 201: LoggedIn },
      },
    },
    async (request, reply) => {
      // Another site must not log its visitors in as somebody else.
      if (isFromForeignOrigin(request.headers, ownOrigins)) throw new Problem("csrf_refused");
      const { secret, endsAt } = await sessions.logIn(request.body.name, request.body.password, originOf(request));
      reply.code(201).setCookie(cookie.name, secret, { ...attributes, expires: new Date(endsAt) });
      return { endsAt: toRfc3339(endsAt) };
    },
  );

  api.get(
    "/session/methods",
    {
      config: { access: { permission: "session.create", scope: "public" } },
      schema: {
        tags,
        summary: "How one can log in: by password, and perhaps at /oidc/login",
        response: { 200: Type.Object({ password: Type.Boolean(), provider: Type.Boolean() }) },
      },
    },
    async () => ({ password: true, provider: hasProvider }),
  );

  api.get(
    "/session",
    { config: self("session.read"), schema: { tags, summary: "Who am I, and what may I do", response: { 200: Who } } },
    async (request) => describe(principalOf(request), deployment),
  );

  api.delete(
    "/session",
    { config: self("session.end"), schema: { tags, summary: "Log out", response: { 204: NoContent } } },
    async (request, reply) => {
      await sessions.logOut(principalOf(request), originOf(request));
      return endCookie(reply, cookie, attributes).code(204).send(null);
    },
  );

  api.post(
    "/session/reauthenticate",
    {
      config: self("session.reauthenticate"),
      schema: {
        tags,
        summary: "Give the password again",
        body: closed({ password: Password }),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await sessions.reauthenticate(principalOf(request), request.body.password, originOf(request));
      return reply.code(204).send(null);
    },
  );

  api.put(
    "/session/password",
    {
      config: self("session.change-password"),
      schema: {
        tags,
        summary: "Change one's own password",
        body: closed({ password: Password, newPassword: Password }),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      const { password, newPassword } = request.body;
      await sessions.changePassword(principalOf(request), password, newPassword, originOf(request));
      return reply.code(204).send(null);
    },
  );
}

function endCookie(reply: FastifyReply, cookie: SessionCookie, attributes: object): FastifyReply {
  return reply.clearCookie(cookie.name, attributes);
}

function describe(principal: Principal, deployment: Deployment) {
  const held = permissions.flatMap((permission) => {
    const reach = reachOf(principal.bindings, permission, deployment);
    return reach === null ? [] : [{ permission, ...describeReach(reach) }];
  });
  const agentTokens = tokenKinds.flatMap((kind) => {
    const reach = reachOfTokenKind(principal.bindings, kind, deployment);
    return reach === null ? [] : [{ kind, ...describeReach(reach) }];
  });
  return {
    kind: principal.kind,
    id: principal.kind === "user" ? principal.userId : principal.credentialId,
    name: principal.who.name,
    userId: principal.userId,
    roles: principal.bindings.map(({ role, tenantId }) => ({ role, tenantId })),
    permissions: held,
    agentTokens,
    deployment,
    loginBy: loginBy(principal.hasPassword),
    passwordGivenAt: toRfc3339OrNull(principal.passwordGivenAt),
  };
}

function describeReach(reach: Reach): { everywhere: boolean; tenantIds: string[] } {
  return reach === "everywhere"
    ? { everywhere: true, tenantIds: [] }
    : { everywhere: false, tenantIds: [...reach].sort() };
}
