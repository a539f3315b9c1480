import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { DatabaseError } from "../db/database-error.ts";
import { StoreBusy } from "../db/group-commit.ts";
import { anywhere } from "./operation-codes.ts";
import { plainPagePolicy, renderPlainPage } from "./plain-page.ts";
import { Problem, type ProblemBody, type ProblemCode, toProblemBody } from "./problems.ts";
import { setSecurityHeaders } from "./security-headers.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** A page that a browser goes to: a person is told of an error by a page, a program by problem+json as ever. */
    forPeople?: boolean;
  }
}

/** Answers any error as problem+json. What is not a Problem tells its text to the log only. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error);
  // 503 that was meant, at a shutdown with thousands of held requests too, is not a failure to look into.
  const meant = error instanceof Problem && error.status === 503;
  warnOfUnlisted(problem, request);
  if (problem.status >= 500 && !meant) request.log.error({ err: error }, "request failed");
  sendProblem(problem, request, reply);
}

/** Who is told to come again is told when (RFC 9110 §10.2.3), also where nobody knows better than "soon". */
function isForLater({ status }: Problem): boolean {
  return status === 429 || status === 503;
}

/** Stands in the log when the documentation of an operation does not name an error that it has. */
export const unlistedError = "the documentation does not list this error";

function warnOfUnlisted({ code }: Problem, request: FastifyRequest): void {
  const listed = request.routeOptions?.config?.errors;
  if (listed === undefined || listed.includes(code) || anywhere.includes(code)) return;
  request.log.warn({ operation: `${request.method} ${request.routeOptions.url}`, code }, unlistedError);
}

export function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  const body = toProblemBody(problem, request.id);
  // Also here: an address that the router cannot read never passes the hook that sets these.
  setSecurityHeaders(reply, request.protocol === "https");
  reply
    .code(problem.status)
    .header("request-id", request.id)
    .headers({ ...(isForLater(problem) && { "retry-after": "5" }), ...problem.headers })
    .serializer((payload: string) => payload);
  if (request.routeOptions?.config?.forPeople === true && (request.headers.accept ?? "").includes("text/html")) {
    reply.header("content-security-policy", plainPagePolicy).type("text/html; charset=utf-8").send(toPage(body));
  } else {
    reply.type("application/problem+json").send(JSON.stringify(body));
  }
}

function toPage({ title, detail, code, requestId }: ProblemBody): string {
  const note = `Code ${code}, request ${requestId}. The cluster's log has more under it.`;
  return renderPlainPage({ title, text: detail, note, link: { href: "/", label: "Go to the log-in page" } });
}

/** For bytes that never became a request: too large headers, not HTTP at all. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, newId: () => string): void {
  if (error.code === "ECONNRESET" || !socket.writable) return;
  const problem = new Problem(error.code === "HPE_HEADER_OVERFLOW" ? "headers_too_large" : "malformed_request");
  const body = JSON.stringify(toProblemBody(problem, newId()));
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ""}`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

const codeOfFrameworkError: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "body_too_large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "media_type_unsupported",
  FST_ERR_CTP_EMPTY_TYPE: "media_type_unsupported",
  FST_ERR_MAX_PARAM_LENGTH: "uri_too_long",
};

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StoreBusy) return new Problem("overloaded", error.message, { headers: { "retry-after": "1" } });
  if (error instanceof DatabaseError && error.kind === "full") {
    return new Problem("overloaded", "The cluster's disk is full; nothing was stored.", {
      headers: { "retry-after": "60" },
    });
  }
  if (error instanceof DatabaseError && error.kind === "unavailable") {
    return new Problem("not_ready", "The database does not answer.", { headers: { "retry-after": "1" } });
  }
  const { code, statusCode } = (error ?? {}) as Partial<FastifyError>;
  const known = code === undefined ? undefined : codeOfFrameworkError[code];
  if (known !== undefined) return new Problem(known);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new Problem("malformed_request");
  return new Problem("internal");
}
