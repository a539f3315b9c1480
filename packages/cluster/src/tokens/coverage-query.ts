import { sql } from "kysely";
import { readSettings } from "../profiles/settings.ts";
import type { Db } from "../schema.ts";
import { type Coverage, coverageOf } from "./coverage.ts";

/** Which agents are meant. */
export interface CoverageScope {
  /** Null: of every tenant. */
  readonly tenantId: string | null;
  /** Null: every agent of the scope. */
  readonly agentId: string | null;
}

/** Whom a token signed with `kid` will and will not reach now. */
export async function findCoverage(
  db: Db,
  scope: CoverageScope,
  kid: string,
  answersChallenge: boolean,
): Promise<Coverage> {
  const firstBundle = await firstBundleWith(db, kid);
  const holdKey = sql<0 | 1>`case when agent.bundle_ver >= ${firstBundle} then 1 else 0 end`;
  let query = db
    .selectFrom("agent")
    .innerJoin("profile", "profile.id", "agent.profile_id")
    .select((row) => ["profile.settings", holdKey.as("hold_key"), row.fn.countAll<number>().as("count")])
    .where("agent.platform", "=", "windows");
  if (scope.tenantId !== null) query = query.where("agent.tenant_id", "=", scope.tenantId);
  if (scope.agentId !== null) query = query.where("agent.id", "=", scope.agentId);
  const groups = await query.groupBy(["profile.id", "profile.settings", "hold_key"]).execute();
  return coverageOf(
    groups.map(({ settings, hold_key, count }) => ({
      count: Number(count),
      holdKey: hold_key === 1,
      requireChallenge: readSettings(settings).serviceProtection.requireChallenge,
    })),
    answersChallenge,
  );
}

/** Version of the first trust bundle that made the key known. Each later one keeps it as long as it may sign. */
async function firstBundleWith(db: Db, kid: string): Promise<number> {
  const bundles = await db.selectFrom("trust_bundle").select(["version", "jws"]).orderBy("version").execute();
  const first = bundles.find(({ jws }) => keyIdsOf(jws).includes(kid));
  return first?.version ?? Number.MAX_SAFE_INTEGER;
}

/** The key ids in a bundle of our own, whose signature therefore needs no check. */
function keyIdsOf(jws: string): string[] {
  const payload = Buffer.from(jws.split(".")[1] ?? "", "base64url").toString();
  return (JSON.parse(payload) as { keys: { kid: string }[] }).keys.map((key) => key.kid);
}
