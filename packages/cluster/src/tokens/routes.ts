import { toUnixSeconds } from "@postern/token";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { requireAgent } from "../agents/routes.ts";
import { findTombstoneAnywhere } from "../agents/tombstones.ts";
import { toRfc3339 } from "../clock.ts";
import { accessOf } from "../http/access.ts";
import { originOf } from "../http/origin.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { closed, IdParams, NoContent, oneOf, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import { principalOf } from "../identity/principal.ts";
import { tokenFileName } from "./file-name.ts";
import { generateToken } from "./generate.ts";
import { tokenLimits } from "./limits.ts";
import { mayUseToken } from "./may-use-token.ts";
import { previewToken } from "./preview.ts";
import { countRedemptions, redemptionsOf } from "./redemptions.ts";
import { type Retrieval, retrieveToken } from "./retrieve.ts";
import { revokeToken } from "./revoke.ts";
import { refusesTokens } from "./right.ts";
import type { Asker, TokenServices } from "./services.ts";
import {
  findLiveAgentToken,
  findTokenAnywhere,
  listTokens,
  stateOfToken,
  type TokenRecord,
  tokenStates,
} from "./token-records.ts";
import {
  GeneratedTokenView,
  subjectOf,
  TokenDetail,
  TokenPreviewView,
  TokenSummary,
  toCoverageView,
  tokenKinds,
  toTokenDetail,
  toTokenSummary,
} from "./views.ts";

const visible = "^[^\\p{C}]*$";

const exampleId = "01a20cba-5d10-7c2e-9b41-0000000a9e27";

const GenerateBody = closed(
  {
    kind: oneOf(tokenKinds),
    tenantId: Type.Optional(Uuid),
    agentId: Type.Optional(Uuid),
    reason: Type.String({
      minLength: tokenLimits.minReasonChars,
      maxLength: tokenLimits.maxReasonChars,
      pattern: "\\S[^]*\\S[^]*\\S",
      mustBe: "three visible characters or more",
      description: "Why; it stands in the audit log.",
    }),
    ticket: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: tokenLimits.maxTicketChars,
        pattern: visible,
        mustBe: "free of control characters",
      }),
    ),
    challenge: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: "What `PosternAgent.exe -challenge` printed." }),
    ),
  },
  {
    examples: [
      { kind: "agent", agentId: exampleId, reason: "The update fails while the agent runs.", ticket: "CHG-4711" },
    ],
  },
);

const PreviewBody = closed(
  {
    kind: oneOf(tokenKinds),
    tenantId: Type.Optional(Uuid),
    agentId: Type.Optional(Uuid),
    answersChallenge: Type.Optional(Type.Boolean({ description: "Whether a challenge will be given; else false." })),
  },
  { examples: [{ kind: "agent", agentId: exampleId }] },
);

const Query = listQuery(
  {
    tenantId: Type.Optional(Uuid),
    agentId: Type.Optional(Uuid),
    kind: Type.Optional(oneOf(tokenKinds)),
    state: Type.Optional(oneOf(tokenStates)),
    id: Type.Optional(Uuid),
    issuedById: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: "A user, or an API key." })),
    redeemed: Type.Optional(Type.Boolean({ description: "Whether an agent has told of redeeming it." })),
    since: Type.Optional(Time),
    until: Type.Optional(Time),
  },
  ["issuedAt"],
);

const tags = ["agent tokens"];
const generating = {
  access: { permission: "agent-token.generate", scope: "tenant" },
  refusal: refusesTokens("generate"),
} as const;
const reading = { access: { permission: "agent-token.read", scope: "tenant" } } as const;
const readingOne = { access: { permission: "agent-token.read", scope: "object" }, revealsToken: true } as const;
const retrieving = {
  access: { permission: "agent-token.retrieve", scope: "object" },
  refusal: refusesTokens("retrieve"),
  revealsToken: true,
} as const;
const revoking = {
  access: { permission: "agent-token.generate", scope: "object" },
  refusal: refusesTokens("retrieve"),
} as const;

/** `/agent-tokens`, and the live token of one agent. */
export function tokenRoutes(api: Server, services: TokenServices): void {
  const { store, clock, deployment } = services;

  api.post(
    "/agent-tokens",
    {
      config: generating,
      schema: {
        tags,
        summary: "Generates an agent token, good for 15 minutes",
        description: "With the header `Idempotency-Key` a repetition within 24 hours gives the same token.",
        body: GenerateBody,
        response: { 201: GeneratedTokenView },
      },
    },
    async (request, reply) => {
      const made = await generateToken(services, askerOf(request), request.body, idempotencyKeyOf(request));
      const { record, token, coverage } = made;
      return reply.code(201).send({
        id: record.id,
        kind: record.kind,
        token,
        issuedAt: toRfc3339(record.issued_at),
        expiresAt: toRfc3339(record.expires_at),
        coverage: toCoverageView(coverage),
      });
    },
  );

  api.post(
    "/agent-tokens/preview",
    {
      config: generating,
      schema: {
        tags,
        summary: "Whom a token would and would not reach, before it is generated",
        body: PreviewBody,
        response: { 200: TokenPreviewView },
      },
    },
    async (request) => {
      const { answersChallenge = false, ...asked } = request.body;
      const { kid, coverage } = await previewToken(services, askerOf(request), asked, answersChallenge);
      return { kid, coverage: toCoverageView(coverage) };
    },
  );

  api.get(
    "/agent-tokens",
    {
      config: reading,
      schema: {
        tags,
        summary: "Records of agent tokens, live and past",
        querystring: Query,
        response: { 200: listOf(TokenSummary) },
      },
    },
    async (request) => {
      const access = accessOf(request);
      const { tenantId } = request.query;
      if (tenantId !== undefined) access.requireTenant(tenantId);
      const reach = tenantId === undefined ? access.reach() : new Set([tenantId]);
      const page = pageRequest("agent-tokens", request.query, "-issuedAt");
      const now = clock.now();
      const rows = await listTokens(store.reads, reach, request.query, page, now);
      const counts = await countRedemptions(
        store.reads,
        rows.map((row) => row.id),
      );
      return toPage(
        page,
        rows,
        (row) => ({ key: row.issued_at, id: row.id }),
        (row) => toTokenSummary(row, counts.get(row.id) ?? 0, now),
      );
    },
  );

  api.get(
    "/agent-tokens/:id",
    {
      config: readingOne,
      schema: {
        tags,
        summary: "One agent token: its record, who redeemed it, and the token while it is live and you may have it",
        params: IdParams,
        response: { 200: TokenDetail },
      },
    },
    async (request) => {
      const record = await requireToken(request, request.params.id);
      const { kind, tenant_id: tenantId } = record;
      const now = clock.now();
      const reveals =
        stateOfToken(record, now) === "live" && mayUseToken(principalOf(request), kind, { tenantId }, deployment);
      return detail(request, record, reveals);
    },
  );

  api.get(
    "/agent-tokens/:id/download",
    {
      config: retrieving,
      schema: {
        tags,
        summary: "The token as a file of one line",
        params: IdParams,
        produces: ["text/plain"],
        response: { 200: Type.String() },
      },
    },
    async (request, reply) => {
      const record = await requireToken(request, request.params.id);
      const token = await retrieve(request, record, "agent-token.download");
      const name = tokenFileName(subjectOf(record), toUnixSeconds(record.expires_at));
      return reply
        .type("text/plain; charset=utf-8")
        .header("content-disposition", `attachment; filename="${name}"`)
        .send(`${token}\n`);
    },
  );

  api.delete(
    "/agent-tokens/:id",
    {
      config: revoking,
      schema: {
        tags,
        summary: "Revokes a token; connected agents are told at once",
        params: IdParams,
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      const record = await requireToken(request, request.params.id);
      await revokeToken(services, askerOf(request), record);
      return reply.code(204).send(null);
    },
  );

  api.get(
    "/agents/:id/agent-token",
    {
      config: retrieving,
      schema: {
        tags,
        summary: "The live token of one agent, also of a deleted one",
        params: IdParams,
        response: { 200: TokenDetail },
      },
    },
    async (request) => {
      const { id, tenant_id: tenantId, host_name } = await requireAgentOrTombstone(request, request.params.id);
      const record = await findLiveAgentToken(store.reads, { id, tenantId }, clock.now());
      if (record === undefined) throw new Problem("token_none_live", `${host_name} has no live agent token.`);
      return detail(request, record, true);
    },
  );

  async function detail(request: FastifyRequest, record: TokenRecord, reveals: boolean) {
    const token = reveals ? await retrieve(request, record, "agent-token.retrieve") : null;
    const redemptions = await redemptionsOf(store.reads, record.id);
    const count = (await countRedemptions(store.reads, [record.id])).get(record.id) ?? 0;
    return toTokenDetail(record, token, redemptions, count, clock.now());
  }

  /** An agent within reach of who asks, deleted or not. @throws {Problem} not_found */
  async function requireAgentOrTombstone(request: FastifyRequest, id: string) {
    const tombstone = await findTombstoneAnywhere(store.reads, id);
    if (tombstone === undefined) return (await requireAgent(store.reads, id, accessOf(request))).agent;
    accessOf(request).requireTenant(tombstone.tenant_id);
    return tombstone;
  }

  async function retrieve(request: FastifyRequest, record: TokenRecord, action: Retrieval): Promise<string> {
    return retrieveToken(services, askerOf(request), record, action);
  }

  async function requireToken(request: FastifyRequest, id: string): Promise<TokenRecord> {
    const record = await findTokenAnywhere(store.reads, id);
    if (record === undefined) throw new Problem("not_found");
    const access = accessOf(request);
    if (record.tenant_id !== null) access.requireTenant(record.tenant_id);
    else if (access.reach() !== "everywhere") throw new Problem("not_found");
    return record;
  }
}

function askerOf(request: FastifyRequest): Asker {
  return { principal: principalOf(request), access: accessOf(request), origin: originOf(request) };
}

/** @throws {Problem} validation_failed */
function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return undefined;
  const fits =
    typeof key === "string" && key.length <= tokenLimits.maxIdempotencyKeyChars && /^[\x21-\x7e]+$/.test(key);
  if (!fits) {
    const detail = `Idempotency-Key takes 1 to ${tokenLimits.maxIdempotencyKeyChars} visible characters of ASCII.`;
    throw new Problem("validation_failed", detail);
  }
  return key;
}
