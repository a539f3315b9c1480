import { sql } from "kysely";
import { acrossTenants } from "../db/tenant-guard.ts";
import type { Db, Tx } from "../schema.ts";
import { tokenLimits } from "./limits.ts";
import type { RedemptionTable, RedemptionVerdict } from "./tables.ts";

const whoseRedemptions =
  "by agents that the token was for, of every tenant when it was for the cluster; the asker may see the token";

export type Redemption = Omit<RedemptionTable, "verdict">;

/**
 * Stores that an agent says it has redeemed a token, held against what was issued. What was never issued, or not for
 * this agent, is kept and marked: it is the trace of a forged token or of a restored database.
 *
 * The caller stores each journal entry once, and calls this once for it.
 *
 * @returns the verdict; `tenantId` is the token's, null also when there is no such token
 */
export async function recordRedemption(
  tx: Tx,
  redemption: Redemption,
): Promise<{ readonly verdict: RedemptionVerdict; readonly tenantId: string | null }> {
  const token = await acrossTenants(
    tx.selectFrom("agent_token").select(["kind", "tenant_id", "agent_id"]).where("id", "=", redemption.jti),
    "a redemption is held against whatever was issued, also to others; only the verdict is kept",
  ).executeTakeFirst();
  const verdict = verdictOn(token, redemption);
  await tx
    .insertInto("redemption")
    .values({ ...redemption, verdict })
    .execute();
  return { verdict, tenantId: token?.tenant_id ?? null };
}

function verdictOn(
  token: { kind: string; tenant_id: string | null; agent_id: string | null } | undefined,
  { agent_id, tenant_id }: Redemption,
): RedemptionVerdict {
  if (token === undefined) return "unknown";
  const isFor =
    token.kind === "cluster" ||
    (token.kind === "tenant" && token.tenant_id === tenant_id) ||
    (token.kind === "agent" && token.agent_id === agent_id);
  return isFor ? "issued" : "other_target";
}

export interface ShownRedemption {
  readonly agent_id: string;
  readonly host_name: string;
  readonly at: number;
  readonly trusted_at: number;
  readonly received_at: number;
  /** JSON of what the agent said last of its protection; null: it is gone, or has not said anything. */
  readonly protection: string | null;
}

/**
 * Who redeemed a token, newest first. Only agents that it was for: what another one claims must not show its name to
 * the people of this token's tenant.
 */
export async function redemptionsOf(db: Db, jti: string): Promise<ShownRedemption[]> {
  const redeemed = db
    .selectFrom("redemption")
    .leftJoin("agent", (join) =>
      join.onRef("agent.id", "=", "redemption.agent_id").onRef("agent.tenant_id", "=", "redemption.tenant_id"),
    )
    .leftJoin("tombstone", (join) =>
      join.onRef("tombstone.id", "=", "redemption.agent_id").onRef("tombstone.tenant_id", "=", "redemption.tenant_id"),
    )
    .select((row) => [
      "redemption.agent_id",
      row.fn.coalesce("agent.host_name", "tombstone.host_name", sql.lit("")).as("host_name"),
      "redemption.at",
      "redemption.trusted_at",
      "redemption.received_at",
      "agent.protection",
    ])
    .where("redemption.jti", "=", jti)
    .where("redemption.verdict", "=", "issued")
    .orderBy("redemption.received_at", "desc")
    .orderBy("redemption.seq", "desc")
    .limit(tokenLimits.maxRedemptionsShown);
  return acrossTenants(redeemed, whoseRedemptions).execute();
}

/** How often each of these tokens was redeemed. */
export async function countRedemptions(db: Db, jtis: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (jtis.length === 0) return new Map();
  const counted = db
    .selectFrom("redemption")
    .select((row) => ["jti", row.fn.countAll<number>().as("count")])
    .where("jti", "in", jtis)
    .where("verdict", "=", "issued")
    .groupBy("jti");
  const rows = await acrossTenants(counted, whoseRedemptions).execute();
  return new Map(rows.map(({ jti, count }) => [jti, Number(count)]));
}
