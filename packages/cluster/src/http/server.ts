import type { Socket } from "node:net";
import cookie from "@fastify/cookie";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  LogController,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from "fastify";
import type { Registry } from "prom-client";
import { type Authorize, enforceAccess } from "./access.ts";
import type { RolesWith } from "./api-page.ts";
import { apiPageRoutes } from "./api-page-routes.ts";
import type { ConsoleFiles } from "./console-files.ts";
import { answerClientError, answerError, sendProblem } from "./errors.ts";
import { httpLimits } from "./limits.ts";
import { loggerOptions } from "./logger.ts";
import { openApi } from "./openapi.ts";
import type { OperationErrors } from "./operation-codes.ts";
import { plainHttpGuard } from "./plain-http.ts";
import { Problem } from "./problems.ts";
import { measureRequests } from "./request-metrics.ts";
import { rememberRoutes } from "./routes-seen.ts";
import { setSecurityHeaders } from "./security-headers.ts";
import { maySendSlowly } from "./slow-bodies.ts";
import { endUnusedConnections } from "./unused-connections.ts";
import { compileValidator, enforceSchemas } from "./validation.ts";

/** The server as routes see it: request and answer are typed by their schemas. */
export type Server = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface ServerOptions {
  readonly authorize: Authorize;
  readonly newId: () => string;
  /** PEM; without it the server speaks plain HTTP, to loopback and `trustedProxies` only. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Addresses or networks (CIDR) of proxies whose `X-Forwarded-*` headers are believed. */
  readonly trustedProxies: readonly string[];
  readonly now: () => number;
  readonly log: { readonly level: string; readonly stream: { write(line: string): void } };
  readonly version: string;
  /** For the documentation: the errors that operations have beside those that follow from what they declare. */
  readonly operationErrors?: OperationErrors;
  /** For the documentation: which roles have a permission. */
  readonly rolesWith?: RolesWith;
  /** The web console; without it an address that no route has is a problem for browsers, too. */
  readonly console?: ConsoleFiles | undefined;
  /** Where requests are measured; without it they are not. */
  readonly metrics?: Registry | undefined;
}

/**
 * A server without routes that refuses by default: no route without declared access or with an open schema, no body
 * over 64 KiB, every error as problem+json.
 */
export async function createServer(options: ServerOptions): Promise<Server> {
  const app = fastify({
    ...(options.tls && { https: { ...options.tls, minVersion: "TLSv1.2" } }),
    logger: loggerOptions(options.log.level, options.now, options.log.stream),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    bodyLimit: httpLimits.maxBodyBytes,
    requestTimeout: httpLimits.requestTimeoutMs,
    keepAliveTimeout: httpLimits.keepAliveTimeoutMs,
    routerOptions: { maxParamLength: httpLimits.maxPathParameterLength },
    trustProxy: options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
    exposeHeadRoutes: false, // a HEAD of a token would be an issue without an answer
    requestIdHeader: false, // a client's own id would let it write into the log
    genReqId: options.newId,
    forceCloseConnections: "idle",
    frameworkErrors: answerError,
    clientErrorHandler(error, socket: Socket) {
      if (!maySendSlowly(socket, error)) answerClientError(error, socket, options.newId);
    },
  }) as unknown as Server;

  app.setValidatorCompiler(compileValidator);
  app.setErrorHandler(answerError);
  app.removeContentTypeParser(["text/plain", "application/json"]);
  const parseJson = app.getDefaultJsonParser("error", "error");
  // The second is the name of a PATCH's body (RFC 7396 §4).
  app.addContentTypeParser<string>(
    ["application/json", "application/merge-patch+json"],
    { parseAs: "string" },
    (request, body, done) => {
      // Many clients name a content type with every request, also with a DELETE that has no body.
      if (body === "" && request.method === "DELETE") done(null, undefined);
      else void parseJson(request, body, done);
    },
  );
  await app.register(cookie);
  endUnusedConnections(app as unknown as FastifyInstance, options.tls !== undefined);

  const seen = rememberRoutes(app as unknown as FastifyInstance);
  app.setNotFoundHandler(async (request, reply) => {
    if (await options.console?.answer(request, reply)) return reply;
    const path = request.url.split("?", 1)[0] ?? "";
    const allow = seen.methodsAt(path);
    const problem =
      allow.length === 0 || allow.includes(request.method)
        ? new Problem("not_found", "There is nothing at this address.")
        : new Problem("method_not_allowed", undefined, { headers: { allow: allow.join(", ") } });
    sendProblem(problem, request, reply);
    return reply;
  });

  app.addHook("onRequest", async (request, reply) => {
    reply.header("request-id", request.id);
    setSecurityHeaders(reply, options.tls !== undefined || request.protocol === "https");
    const encoding = request.headers["content-encoding"];
    if (encoding !== undefined && encoding !== "identity") throw new Problem("encoding_unsupported");
  });
  if (options.tls === undefined) app.addHook("onRequest", plainHttpGuard(options.trustedProxies));
  app.addHook("onResponse", async (request, reply) => {
    const path = request.routeOptions.url ?? "(no route)";
    const { who } = request.access ?? {};
    const ms = Math.round(reply.elapsedTime);
    request.log.info(
      { method: request.method, path, status: reply.statusCode, ms, who: who?.id, from: request.ip },
      "request",
    );
  });

  if (options.metrics) measureRequests(app, options.metrics);

  const readDocument = await openApi(app, { version: options.version, errors: options.operationErrors ?? {} });
  enforceSchemas(app as unknown as FastifyInstance);
  enforceAccess(app as unknown as FastifyInstance, options.authorize);
  app.after(() => apiPageRoutes(app, readDocument, options.rolesWith ?? (() => [])));
  await options.console?.register(app);
  return app;
}
