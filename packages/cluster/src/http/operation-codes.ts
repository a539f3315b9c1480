import type { Access } from "./access.ts";
import type { ProblemCode } from "./problems.ts";

/** What is known of a route when its errors are told. */
export interface DescribedRoute {
  readonly method: string;
  readonly url: string;
  readonly access: Access | undefined;
  readonly revealsToken: boolean;
  readonly hasBody: boolean;
  readonly hasPath: boolean;
  readonly hasCursor: boolean;
}

/** The errors that an operation's own work has, by `METHOD /path` as the router knows it. */
export type OperationErrors = Readonly<Record<string, readonly ProblemCode[]>>;

/** Errors that any request may be answered with, whatever it is for. They stand once at the head of the page. */
export const anywhere: readonly ProblemCode[] = [
  "malformed_request",
  "not_found",
  "method_not_allowed",
  "uri_too_long",
  "headers_too_large",
  "encoding_unsupported",
  "tls_required",
  "internal",
  "overloaded",
  "not_ready",
];

/** Every code that an operation may be answered with beside those of {@link anywhere}, in the order of the table. */
export function codesOf(route: DescribedRoute, own: OperationErrors): ProblemCode[] {
  const { access, method } = route;
  const isOpen = access === undefined || access.scope === "public" || access.scope === "agent";
  const needsRole = !isOpen && access.scope !== "self";
  const changes = method !== "GET";
  return [
    "validation_failed",
    ...(route.hasCursor ? (["cursor_invalid"] as const) : []),
    ...(isOpen ? [] : (["unauthenticated"] as const)),
    ...(needsRole ? (["permission_missing"] as const) : []),
    ...(!isOpen && (changes || route.revealsToken) ? (["csrf_refused"] as const) : []),
    ...(route.hasPath || (needsRole && access.scope !== "cluster") ? (["not_found"] as const) : []),
    ...(route.hasBody ? (["body_too_large", "media_type_unsupported"] as const) : []),
    ...(own[`${method} ${route.url}`] ?? []),
  ].filter((code, index, all): code is ProblemCode => all.indexOf(code) === index);
}
