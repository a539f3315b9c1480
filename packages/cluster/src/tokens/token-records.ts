import { maxRevoked } from "@postern/protocol";
import { type AgentTokenClaims, audienceOf, type TokenKind, type TokenTarget } from "@postern/token";
import { onPage } from "../db/keyset.ts";
import { acrossTenants, withinReach } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import type { PageRequest } from "../http/paging.ts";
import type { Db, Tx } from "../schema.ts";
import type { AgentTokenTable } from "./tables.ts";

export const tokenStates = ["live", "expired", "revoked"] as const;
export type TokenState = (typeof tokenStates)[number];

export function stateOfToken(token: Pick<AgentTokenTable, "expires_at" | "revoked_at">, now: number): TokenState {
  if (token.revoked_at !== null) return "revoked";
  return now < token.expires_at ? "live" : "expired";
}

/** A token's record with the names that people know. */
export interface TokenRecord extends AgentTokenTable {
  readonly tenant_name: string | null;
  readonly host_name: string | null;
}

/** Whom the record says the token is for; undefined when it contradicts itself. */
export function targetOf(record: AgentTokenTable): TokenTarget | undefined {
  const { kind, tenant_id: tenantId, agent_id: agentId } = record;
  if (kind === "cluster") return tenantId === null && agentId === null ? { kind } : undefined;
  if (kind === "tenant") return tenantId !== null && agentId === null ? { kind, tenantId } : undefined;
  return agentId !== null && tenantId !== null ? { kind, agentId } : undefined;
}

/**
 * Whether the record's own columns, by which it is decided who may see the token, say the same as the claims that are
 * signed. Otherwise a changed column could show a token to the wrong people.
 */
export function agreesWithClaims(record: AgentTokenTable, claims: AgentTokenClaims): boolean {
  const target = targetOf(record);
  return (
    target !== undefined &&
    claims.aud === audienceOf(target) &&
    claims.jti === record.id &&
    claims.exp * 1000 === record.expires_at
  );
}

function selectRecords(db: Db) {
  return db
    .selectFrom("agent_token")
    .leftJoin("tenant", "tenant.id", "agent_token.tenant_id")
    .leftJoin("agent", (join) =>
      join.onRef("agent.id", "=", "agent_token.agent_id").onRef("agent.tenant_id", "=", "agent_token.tenant_id"),
    )
    .leftJoin("tombstone", (join) =>
      join
        .onRef("tombstone.id", "=", "agent_token.agent_id")
        .onRef("tombstone.tenant_id", "=", "agent_token.tenant_id"),
    )
    .selectAll("agent_token")
    .select((row) => [
      "tenant.name as tenant_name",
      row.fn.coalesce("agent.host_name", "tombstone.host_name").as("host_name"),
    ]);
}

/** A record whose tenant is still to be compared with the reach of who asks. */
export async function findTokenAnywhere(db: Db, id: string): Promise<TokenRecord | undefined> {
  return acrossTenants(
    selectRecords(db).where("agent_token.id", "=", id),
    "found by its id; its tenant is compared with the reach of who asks",
  ).executeTakeFirst();
}

/** The newest token for this one agent that is neither expired nor revoked. */
export async function findLiveAgentToken(
  db: Db,
  agent: { readonly id: string; readonly tenantId: string },
  now: number,
): Promise<TokenRecord | undefined> {
  return selectRecords(db)
    .where("agent_token.tenant_id", "=", agent.tenantId)
    .where("agent_token.agent_id", "=", agent.id)
    .where("agent_token.kind", "=", "agent")
    .where("agent_token.revoked_at", "is", null)
    .where("agent_token.expires_at", ">", now)
    .orderBy("agent_token.issued_at", "desc")
    .orderBy("agent_token.id", "desc")
    .limit(1)
    .executeTakeFirst();
}

export interface TokenFilter {
  readonly kind?: TokenKind;
  readonly agentId?: string;
  readonly state?: TokenState;
  /** The `jti`. */
  readonly id?: string;
  /** The user or API key that generated it. */
  readonly issuedById?: string;
  /** Whether an agent that it was for has told of redeeming it. */
  readonly redeemed?: boolean;
  /** RFC 3339: issued then or later. */
  readonly since?: string;
  /** RFC 3339: issued before then. */
  readonly until?: string;
}

/** At most `limit + 1` records within reach; those for the whole cluster only to who reaches everywhere. */
export async function listTokens(
  db: Db,
  reach: Reach,
  filter: TokenFilter,
  { after, direction, limit }: PageRequest<"issuedAt">,
  now: number,
): Promise<TokenRecord[]> {
  let query = withinReach(selectRecords(db), "agent_token.tenant_id", reach);
  if (filter.kind !== undefined) query = query.where("agent_token.kind", "=", filter.kind);
  if (filter.agentId !== undefined) query = query.where("agent_token.agent_id", "=", filter.agentId);
  if (filter.id !== undefined) query = query.where("agent_token.id", "=", filter.id);
  if (filter.issuedById !== undefined) query = query.where("agent_token.issued_by_id", "=", filter.issuedById);
  if (filter.since !== undefined) query = query.where("agent_token.issued_at", ">=", Date.parse(filter.since));
  if (filter.until !== undefined) query = query.where("agent_token.issued_at", "<", Date.parse(filter.until));
  if (filter.redeemed !== undefined) {
    const { redeemed } = filter;
    query = query.where((row) => {
      const redemptions = row
        .selectFrom("redemption")
        .select("redemption.jti")
        .whereRef("redemption.jti", "=", "agent_token.id")
        .where("redemption.verdict", "=", "issued");
      const isRedeemed = row.exists(
        acrossTenants(redemptions, "whether there are any, of tokens that the asker may see"),
      );
      return redeemed ? isRedeemed : row.not(isRedeemed);
    });
  }
  if (filter.state !== undefined) {
    query = query.where("agent_token.revoked_at", filter.state === "revoked" ? "is not" : "is", null);
  }
  if (filter.state === "live") query = query.where("agent_token.expires_at", ">", now);
  if (filter.state === "expired") query = query.where("agent_token.expires_at", "<=", now);
  return onPage(query, { key: "agent_token.issued_at", id: "agent_token.id" }, { direction, after, limit }).execute();
}

/** Ends a token; false when it was revoked before. */
export async function endToken(
  tx: Tx,
  { id, tenant_id: tenantId }: AgentTokenTable,
  byName: string,
  now: number,
): Promise<boolean> {
  const revoked = await tx
    .updateTable("agent_token")
    .set({ revoked_at: now, revoked_by_name: byName })
    .where("tenant_id", tenantId === null ? "is" : "=", tenantId)
    .where("id", "=", id)
    .where("revoked_at", "is", null)
    .returning("id")
    .executeTakeFirst();
  return revoked !== undefined;
}

/** Ids of the revoked tokens that this agent would otherwise still accept, newest revocation first. */
export async function revokedTokensFor(
  db: Db,
  agent: { readonly id: string; readonly tenantId: string },
  now: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom("agent_token")
    .select("id")
    .where("revoked_at", "is not", null)
    .where("expires_at", ">", now)
    .where((row) =>
      row.or([
        row.and([row("kind", "=", "cluster"), row("tenant_id", "is", null)]),
        row.and([row("kind", "=", "tenant"), row("tenant_id", "=", agent.tenantId)]),
        row.and([row("kind", "=", "agent"), row("tenant_id", "=", agent.tenantId), row("agent_id", "=", agent.id)]),
      ]),
    )
    .orderBy("revoked_at", "desc")
    .limit(maxRevoked)
    .execute();
  return rows.map((row) => row.id);
}
