import { createHash } from "node:crypto";
import type { Access } from "./access.ts";
import type { ApiDocument, ApiOperation, ApiParameter } from "./api-document.ts";
import { noteOf, schemaTable, typeOf } from "./api-page-schema.ts";
import { apiPageStyle } from "./api-page-style.ts";
import { exampleOf, type JsonSchema } from "./examples.ts";
import { code, escapeHtml, prose } from "./html.ts";
import { anywhere } from "./operation-codes.ts";
import { type ProblemCode, problems } from "./problems.ts";

/** The page loads nothing and runs nothing: its only style stands in it, and is named by its hash (CSP Level 3 §2.3.1). */
export const apiPagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(apiPageStyle).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Names the roles that have a permission, such as `tenant_owner (on saas)`. */
export type RolesWith = (permission: string) => readonly string[];

interface Entry {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly operation: ApiOperation;
}

/** The OpenAPI document as a page for people: everything is on it, so that the browser's own search finds it. */
export function renderApiPage(document: ApiDocument, rolesWith: RolesWith): string {
  const entries = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]): Entry => ({
        id: operation.operationId ?? "",
        method: method.toUpperCase(),
        path,
        operation,
      }),
    ),
  );
  const groups = [...Map.groupBy(entries, ({ operation }) => operation.tags?.[0] ?? "the cluster itself")];
  // Agents have a protocol of their own; people look for theirs first.
  const rank = ([name]: (typeof groups)[number]) => (/^(agent protocol|the cluster itself)$/.test(name) ? 1 : 0);
  groups.sort((a, b) => rank(a) - rank(b));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Postern API ${escapeHtml(document.info.version)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<style>${apiPageStyle}</style></head><body>
<nav aria-label="Operations"><p class="home"><a href="#top">Postern API</a></p>${groups.map(renderMenu).join("")}
<p><a href="#errors">Errors</a></p></nav>
<main id="top">${renderHead(document)}${groups.map(([name, some]) => renderGroup(name, some, rolesWith)).join("")}
${renderErrors()}</main></body></html>
`;
}

function renderMenu([name, entries]: readonly [string, readonly Entry[]]): string {
  const links = entries.map(
    ({ id, method, path }) =>
      `<li><a href="#${escapeHtml(id)}"><span class="m ${method.toLowerCase()}">${method}</span> ${breakable(shortPath(path))}</a></li>`,
  );
  return `<h2><a href="#${anchorOf(name)}">${escapeHtml(titleOf(name))}</a></h2><ul>${links.join("")}</ul>`;
}

function renderHead({ info }: ApiDocument): string {
  return `<h1>Postern API <small>${escapeHtml(info.version)}</small></h1>
<p>JSON over HTTP. This page is made from the <a href="/api/docs/openapi.json">OpenAPI 3.1 document</a>, so it says what this very
cluster does. The examples use two variables: <code>POSTERN_URL</code>, such as <code>https://postern.example.com</code>, and <code>POSTERN_API_KEY</code>, which
<code>postern api-key create</code> makes.</p>
<ul><li>Members are camelCase, ids are UUIDs in lower case, times are RFC 3339 in UTC with milliseconds. Members and parameters that the API does not know are refused.</li>
<li>Lists answer <code>items</code> and <code>nextCursor</code>; give that back as <code>cursor</code>, with the same filters and the same <code>sort</code>, until it is null.</li>
<li>What has an <code>ETag</code> is changed with <code>If-Match</code> only as you saw it; else 412.</li>
<li>Another tenant's objects are not there for you: 404.</li>
<li>429 and 503 say in <code>Retry-After</code> after how many seconds to come again.</li></ul>`;
}

function renderGroup(name: string, entries: readonly Entry[], rolesWith: RolesWith): string {
  return `<h2 class="group" id="${anchorOf(name)}">${escapeHtml(titleOf(name))}</h2>${entries.map((entry) => renderOperation(entry, rolesWith)).join("")}`;
}

function renderOperation({ id, method, path, operation }: Entry, rolesWith: RolesWith): string {
  const { summary = "", description, parameters = [], requestBody, responses } = operation;
  const body = requestBody?.content["application/json"]?.schema as JsonSchema | undefined;
  const answers = Object.entries(responses).filter(([status]) => /^[23]/.test(status));
  const parts = [
    `<h3><a href="#${escapeHtml(id)}"><span class="m ${method.toLowerCase()}">${method}</span> <span class="path">${breakable(path)}</span></a></h3>`,
    `<p class="summary">${prose(summary)}</p>`,
    description === undefined ? "" : `<p>${prose(description)}</p>`,
    renderAccess(operation["x-postern-access"], rolesWith),
    parameters.length === 0 ? "" : `<h4>Parameters</h4>${renderParameters(parameters)}`,
    body === undefined ? "" : `<h4>Request</h4>${schemaTable(body)}`,
    `<h4>Example</h4><pre>${escapeHtml(curlOf(method, path, operation))}</pre>`,
    ...answers.map(([status, { content }]) => renderAnswer(status, content)),
    `<h4>Errors</h4>${codesTable(operation["x-postern-errors"])}`,
  ];
  return `<section id="${escapeHtml(id)}">${parts.join("\n")}</section>`;
}

function renderAccess(access: Access | undefined, rolesWith: RolesWith): string {
  if (access === undefined) return "";
  const roles = ["cluster", "tenant", "object"].includes(access.scope) ? rolesWith(access.permission) : [];
  const names = roles.map((role) => code(role).replace(/ \((.*)\)<\/code>/, "</code> ($1)")).join(", ");
  return `<p class="access">${accessInWords(access)}${names === "" ? "" : ` Roles: ${names}.`}</p>`;
}

function accessInWords({ permission, scope }: Access): string {
  const named = code(permission);
  switch (scope) {
    case "cluster":
      return `Needs the permission ${named} for the whole cluster.`;
    case "tenant":
      return `Needs the permission ${named} in a tenant; it goes as far as the tenants in which you hold it.`;
    case "object":
      return `Needs the permission ${named} in the tenant of the object; elsewhere the object is not there.`;
    case "self":
      return "For everybody who is logged in, about themselves.";
    case "agent":
      return "For agents: the message is signed by the agent's identity key, and there is no log-in.";
    case "public":
      return "For everybody, without a log-in.";
  }
}

function renderParameters(parameters: readonly ApiParameter[]): string {
  const rows = parameters.map(({ name, in: place, required, schema = {}, description }) => {
    const optional = required === true ? "" : ' <span class="optional">optional</span>';
    const note = noteOf(description === undefined ? schema : { ...schema, description });
    return `<tr><td>${code(name)}${optional}</td><td>${escapeHtml(place)}</td><td>${typeOf(schema)}</td><td>${note}</td></tr>`;
  });
  return `<table><thead><tr><th>Name</th><th>In</th><th>Type</th><th>Meaning</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function renderAnswer(status: string, content: ApiOperation["responses"][string]["content"]): string {
  const [type, shown] = Object.entries(content ?? {})[0] ?? [];
  if (shown === undefined) return `<h4>Answer ${escapeHtml(status)}</h4><p>Nothing.</p>`;
  const example = typeof shown.example === "string" ? shown.example : JSON.stringify(shown.example, null, 2);
  return `<h4>Answer ${escapeHtml(status)} <small>${escapeHtml(type ?? "")}</small></h4>${schemaTable((shown.schema ?? {}) as JsonSchema)}<pre>${escapeHtml(example)}</pre>`;
}

/** How one asks for it with curl. What an API key cannot do is asked with the cookie of a log-in. */
function curlOf(method: string, path: string, operation: ApiOperation): string {
  const body = operation.requestBody?.content["application/json"]?.example;
  const parameters = operation.parameters ?? [];
  const value = (name: string) => {
    const parameter = parameters.find((one) => one.name === name);
    return encodeURIComponent(String(parameter?.example ?? exampleOf(parameter?.schema ?? {}, name)));
  };
  const needed = parameters.filter((one) => one.in === "query" && one.required === true);
  const query = needed.map(({ name }) => `${name}=${value(name)}`).join("&");
  const address = `${path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => value(name))}${query === "" ? "" : `?${query}`}`;
  const scope = operation["x-postern-access"]?.scope;
  const isOpen = scope === "public" || scope === "agent";
  const needsLogin = operation["x-postern-errors"].includes("session_required");
  const lines = [
    `curl ${method === "GET" ? "" : `-X ${method} `}"$POSTERN_URL${address}"`,
    ...(isOpen
      ? []
      : needsLogin
        ? ["-b cookies.txt", '-H "Sec-Fetch-Site: same-origin"']
        : ['-H "Authorization: Bearer $POSTERN_API_KEY"']),
    ...(scope === "agent" ? ['-H "Postern-Protocol: 1"'] : []),
    ...(body === undefined
      ? []
      : ['-H "Content-Type: application/json"', `-d '${JSON.stringify(body, null, 2).replaceAll("'", "'\\''")}'`]),
  ];
  return lines.join(" \\\n  ");
}

function codesTable(codes: readonly ProblemCode[]): string {
  const sorted = [...codes].sort((a, b) => problems[a][0] - problems[b][0]);
  const rows = sorted.map((one) => {
    const [status, title, next] = problems[one];
    return `<tr><td>${status}</td><td>${code(one)}</td><td>${prose(title)}. ${prose(next)}</td></tr>`;
  });
  return `<table class="codes"><thead><tr><th>Status</th><th>Code</th><th>Meaning, and what to do</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function renderErrors(): string {
  return `<h2 class="group" id="errors">Errors</h2><p>Every error is <code>application/problem+json</code> (RFC 9457). Go by <code>code</code>: it keeps its meaning. Besides those of
its own, every operation may be answered with one of these:</p>${codesTable(anywhere)}`;
}

function titleOf(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function anchorOf(name: string): string {
  return `group-${name.replaceAll(/[^a-z0-9]+/gi, "-")}`;
}

function shortPath(path: string): string {
  return path.replace(/^\/api\/v1/, "");
}

/** A long path breaks behind its slashes. */
function breakable(path: string): string {
  return escapeHtml(path).replaceAll("/", "/<wbr>");
}
