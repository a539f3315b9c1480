import { type RawBuilder, sql } from "kysely";
import { type KeysetPosition, onPage } from "../db/keyset.ts";
import type { PageRequest } from "../http/paging.ts";
import type { Db } from "../schema.ts";
import type { AgentFilter } from "./filters.ts";
import { agentLimits } from "./limits.ts";
import { type AgentQuery, type MatchContext, selectMatching, whereMatching } from "./matching.ts";

/** Not by last contact: every check-in would move an agent to another page. Nor by state, which passes by itself. */
export const agentSortFields = ["hostName", "enrolledAt", "platform", "version", "protection", "profile"] as const;
export type AgentSortField = (typeof agentSortFields)[number];

/**
 * The places of at most `limit + 1` agents that a filter names, in the order asked for.
 *
 * Neither engine can know how many agents a filter leaves, and one that guesses wrong walks a whole index row by row. So
 * the list is first walked a bounded way in its order, which fills most pages; where that does not, all agents are looked
 * at in the order in which they are stored, and those that fit are sorted.
 */
export async function findPage(
  db: Db,
  filter: AgentFilter,
  page: PageRequest<AgentSortField>,
  context: MatchContext,
): Promise<KeysetPosition[]> {
  if (page.field === "hostName" || page.field === "enrolledAt") {
    const walked = await walk(db, filter, page, page.field, context);
    if (walked.length > page.limit || isWhole(filter)) return walked;
  }
  return scan(db, filter, page, context);
}

/** Whether the list has everything within reach: then what a walk finds is all that there is. */
function isWhole({ tenantId: _, ...others }: AgentFilter): boolean {
  return Object.keys(others).length === 0;
}

const walkedColumns = { hostName: "agent.host_name_search", enrolledAt: "agent.enrolled_at" } as const;

function walk(
  db: Db,
  filter: AgentFilter,
  { direction, after, limit }: PageRequest<AgentSortField>,
  field: keyof typeof walkedColumns,
  context: MatchContext,
): Promise<KeysetPosition[]> {
  const key = walkedColumns[field];
  const { tenantId } = filter;
  const steps = isWhole(filter) ? limit : Math.max(agentLimits.minAgentsWalked, 4 * limit);
  const walked = onPage(
    selectMatching(db, { ...(tenantId && { tenantId }) }, context).select(["agent.id", `${key} as key`]),
    { key, id: "agent.id" },
    { direction, after, limit: steps },
  );
  const looked = db
    .selectFrom(walked.as("walked"))
    .innerJoin("agent", "agent.id", "walked.id")
    .select(["walked.id", "walked.key"]);
  const matching = whereMatching(looked as unknown as AgentQuery<KeysetPosition>, filter, context);
  return onPage(matching, { key: "walked.key", id: "walked.id" }, { direction, after: null, limit }).execute();
}

function scan(
  db: Db,
  filter: AgentFilter,
  { field, direction, after, limit }: PageRequest<AgentSortField>,
  context: MatchContext,
): Promise<KeysetPosition[]> {
  const found = selectMatching(db, filter, context).select(["agent.id", scannedKeys[field].as("key")]);
  return onPage(
    db.selectFrom(found.as("found")).select(["found.id", "found.key"]),
    { key: "found.key", id: "found.id" },
    { direction, after, limit },
  ).execute();
}

/** As expressions, for which there is no index that one of the engines could think of walking. */
const scannedKeys: Readonly<Record<AgentSortField, RawBuilder<string | number>>> = {
  hostName: sql<string>`agent.host_name_search || ''`,
  enrolledAt: sql<number>`agent.enrolled_at + 0`,
  platform: sql<string>`agent.platform || ''`,
  version: sql<string>`agent.version_order || ''`,
  // From what protects least to what cannot be protected.
  protection: sql<number>`case coalesce(agent.protection_state, '')
    when '' then 0 when 'off' then 1 when 'lifted' then 2 when 'on' then 3 else 4 end`,
  profile: sql<string>`profile.name_search || ''`,
};
