import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Clock, UnixMs } from "../clock.ts";
import type { RandomBytes } from "../db/ids.ts";
import { originOf } from "../http/origin.ts";
import { plainPagePolicy, renderPlainPage } from "../http/plain-page.ts";
import { Problem } from "../http/problems.ts";
import { closed, NoContent } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import { identityLimits } from "./limits.ts";
import { callbackPath, type IdentityProvider } from "./provider.ts";
import type { ProviderLogins } from "./provider-logins.ts";
import { newSecret } from "./secrets.ts";
import { type SessionCookie, sessionAttributes } from "./session-routes.ts";

export interface ProviderRoutesOptions {
  readonly provider: IdentityProvider;
  readonly logins: ProviderLogins;
  readonly cookie: SessionCookie;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}

/** Who is logged in and what he may do: what a browser sees that named no other page. */
const defaultReturnTo = "/api/v1/session";

/** A page of ours: browsers read `//host` and `/\host` as somebody else's. */
const ownPath = "^/(?![/\\\\])[\\x21-\\x5b\\x5d-\\x7e]*$";

/** Log-in by way of the identity provider: pages that a browser goes to, not calls of the API. */
export function providerRoutes(app: Server, options: ProviderRoutesOptions): void {
  const { provider, logins, cookie, clock, randomBytes } = options;
  const config = { access: { permission: "session.create", scope: "public" }, forPeople: true } as const;
  const tags = ["session"];
  const attributes = sessionAttributes(cookie);
  const attemptCookie = `${cookie.name}-login`;

  app.get(
    "/oidc/login",
    {
      config,
      schema: {
        tags,
        summary: "Log in by way of the identity provider",
        querystring: closed({
          returnTo: Type.Optional(
            Type.String({
              pattern: ownPath,
              maxLength: 500,
              mustBe: "a path of this cluster",
              default: defaultReturnTo,
            }),
          ),
          again: Type.Optional(
            Type.Boolean({ description: "The provider must ask for the password, also of who is logged in there" }),
          ),
        }),
        response: { 302: NoContent },
      },
    },
    async (request, reply) => {
      const { returnTo = defaultReturnTo, again = false } = request.query;
      const attempt: Attempt = { secret: newSecret(randomBytes), again, startedAt: clock.now(), returnTo };
      const url = await logged(request, () => provider.urlFor(attempt));
      const expires = new Date(attempt.startedAt + identityLimits.providerLoginMs);
      reply.setCookie(attemptCookie, writeAttempt(attempt), { ...attributes, expires });
      return redirect(reply, url.href);
    },
  );

  app.get(
    callbackPath,
    {
      config,
      schema: {
        tags,
        summary: "Where the identity provider sends people back to",
        // The provider may add what it likes (RFC 6749 §4.1.2).
        querystring: Type.Object({}, { additionalProperties: true }),
        response: { 302: NoContent },
      },
    },
    async (request, reply) => {
      const attempt = readAttempt(request.cookies[attemptCookie], clock.now());
      if (attempt === null) {
        throw new Problem("provider_login_failed", "This log-in was not begun in this browser, or too long ago.");
      }
      reply.clearCookie(attemptCookie, attributes);
      const query = new URLSearchParams(request.url.split("?", 2)[1] ?? "");
      const login = await logged(request, () => provider.finish(query, attempt));
      if (attempt.again && login.authenticatedAt < attempt.startedAt - identityLimits.providerClockMs) {
        throw new Problem("provider_login_failed", "The identity provider did not ask for the password again.");
      }
      const { secret, endsAt } = await logins.logIn(login, originOf(request), request.cookies[cookie.name]);
      reply.setCookie(cookie.name, secret, { ...attributes, expires: new Date(endsAt) });
      return redirect(reply, attempt.returnTo);
    },
  );

  app.get("/oidc/done", { config, schema: { hide: true, response: { 200: Type.String() } } }, async (_request, reply) =>
    reply.type("text/html; charset=utf-8").header("content-security-policy", plainPagePolicy).send(donePage),
  );
}

/** What a browser sees in a tab that was opened for the log-in only. */
const donePage = renderPlainPage({
  title: "You are logged in",
  text: "Close this tab and go on in the one you came from; what you typed there is still there.",
  link: { href: "/", label: "Or open the console here" },
});

function redirect(reply: FastifyReply, to: string) {
  return reply.code(302).header("location", to).send(null);
}

/** What a browser keeps between the two requests. It can be altered there, and gains nothing by that. */
interface Attempt {
  readonly secret: string;
  readonly again: boolean;
  readonly startedAt: UnixMs;
  readonly returnTo: string;
}

function writeAttempt({ secret, again, startedAt, returnTo }: Attempt): string {
  return [secret, again ? "again" : "first", startedAt, Buffer.from(returnTo).toString("base64url")].join(".");
}

function readAttempt(text: string | undefined, now: UnixMs): Attempt | null {
  const [, secret, mode, started, path] =
    /^([\w-]{43})\.(again|first)\.(\d{1,15})\.([\w-]{1,700})$/.exec(text ?? "") ?? [];
  if (secret === undefined || path === undefined) return null;
  const startedAt = Number(started);
  const returnTo = Buffer.from(path, "base64url").toString();
  if (now - startedAt > identityLimits.providerLoginMs) return null;
  return new RegExp(ownPath).test(returnTo) ? { secret, again: mode === "again", startedAt, returnTo } : null;
}

/** The person gets a sentence, and the operator the reason, without what the provider said of the person. */
async function logged<Result>(request: FastifyRequest, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    request.log.warn({ reason: reasonOf(error) }, "the log-in at the identity provider did not succeed");
    throw error;
  }
}

function reasonOf(error: unknown): string {
  const reasons: string[] = [];
  for (let one = error; one instanceof Error && reasons.length < 5; one = one.cause) {
    const { code, error: oauth } = one as { code?: unknown; error?: unknown };
    const said = [code, oauth].filter((part) => typeof part === "string").join(" ");
    reasons.push(said === "" ? one.message : `${said}: ${one.message}`);
  }
  return reasons.join("; ");
}
