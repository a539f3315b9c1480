import type { paths } from "postern-api";

/** The body of a successful `GET`. */
export type Answer<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { "application/json": infer Body } } } };
}
  ? Body
  : never;

/** The body of a successful `POST`, whatever its status. */
export type Made<Path extends keyof paths> = paths[Path] extends {
  post: { responses: { 201: { content: { "application/json": infer Body } } } };
}
  ? Body
  : paths[Path] extends { post: { responses: { 200: { content: { "application/json": infer Body } } } } }
    ? Body
    : never;

/** The query of a `GET`. */
export type Query<Path extends keyof paths> = paths[Path] extends { get: { parameters: { query?: infer Of } } }
  ? NonNullable<Of>
  : never;

/** One of a list. */
export type Item<Path extends keyof paths> = Answer<Path> extends { items: (infer Of)[] } ? Of : never;

export type Session = Answer<"/api/v1/session">;
export type Tenant = Item<"/api/v1/tenants">;
export type Agent = Item<"/api/v1/agents">;
export type AgentDetail = Answer<"/api/v1/agents/{id}">;
export type TokenSummary = Item<"/api/v1/agent-tokens">;
export type TokenDetail = Answer<"/api/v1/agent-tokens/{id}">;
export type GeneratedToken = Made<"/api/v1/agent-tokens">;
export type TokenPreview = Made<"/api/v1/agent-tokens/preview">;
export type TokenKind = TokenSummary["kind"];
export type JournalEvent = Item<"/api/v1/agents/{id}/journal">;
