import { type RawBuilder, type SelectQueryBuilder, sql } from "kysely";
import { type KeysetPage, type KeysetPosition, onPage } from "../db/keyset.ts";
import { dbLimits } from "../db/limits.ts";
import { withinReach } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import type { PageRequest } from "../http/paging.ts";
import type { Database, Db } from "../schema.ts";
import type { AgentFilter } from "./filters.ts";
import { slices } from "./labels.ts";
import { agentLimits } from "./limits.ts";
import { type ListedAgentTable, listedColumns } from "./listed.ts";
import {
  findFewSilent,
  type MatchContext,
  type Silence,
  selectAmong,
  selectMatching,
  withProfile,
} from "./matching.ts";

/** Not by last contact: every check-in would move an agent to another page. Nor by state, which passes by itself. */
export const agentSortFields = ["hostName", "enrolledAt", "platform", "version", "protection", "profile"] as const;
export type AgentSortField = (typeof agentSortFields)[number];

type Page = PageRequest<AgentSortField>;

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
  page: Page,
  context: MatchContext,
): Promise<KeysetPosition[]> {
  const walked = await walk(db, filter, page, context);
  return walked ?? (await scan(db, filter, page, context));
}

/** Whether the list has everything within reach: then what a walk finds is all that there is. */
function isWhole({ tenantId: _, ...others }: AgentFilter): boolean {
  return Object.keys(others).length === 0;
}

const sortColumns = {
  hostName: "host_name_search",
  enrolledAt: "enrolled_at",
  platform: "platform",
  version: "version_order",
  protection: "protection_order",
} as const satisfies Partial<Record<AgentSortField, keyof ListedAgentTable>>;

/** Null: the walk was not long enough, or would have been too long. */
async function walk(db: Db, filter: AgentFilter, page: Page, context: MatchContext): Promise<KeysetPosition[] | null> {
  if (page.field === "profile") return walkProfiles(db, filter, page, context);
  const { direction, after, limit } = page;
  const { reach } = context;
  if (reach !== "everywhere" && reach.size > agentLimits.maxTenantsMerged) return null;
  const column = sortColumns[page.field];
  const steps = stepsOf(filter, limit);
  const tenants = reach === "everywhere" ? [reach] : [...reach].map((id) => new Set([id]));
  const merged = tenants.map((one) =>
    onPage(selectListed(db, one), { key: column, id: "id" }, { direction, after, limit: steps }),
  );
  const found = await cut(db, merged, { key: column, filter, steps }, { direction, after: null, limit }, context);
  return found.length > limit || isWhole(filter) ? found : null;
}

function stepsOf(filter: AgentFilter, limit: number): number {
  return isWhole(filter) ? limit : Math.max(agentLimits.minAgentsWalked, 4 * limit);
}

/**
 * By the names of profiles, of which there are few: the agents of those that have the first name, by their ids, then the
 * next one's.
 */
async function walkProfiles(
  db: Db,
  filter: AgentFilter,
  { direction, after, limit }: Page,
  context: MatchContext,
): Promise<KeysetPosition[] | null> {
  const names = await profileNames(db, filter, context.reach, { direction, after });
  const found: KeysetPosition[] = [];
  for (const [name, profiles] of names.slice(0, agentLimits.maxProfileNamesWalked)) {
    if (profiles.length > agentLimits.maxProfilesMerged) return null;
    const left = limit - found.length;
    const steps = stepsOf(filter, left);
    const from = after?.key === name ? after : null;
    const lists = profiles.map(({ id: profileId, tenant_id }) => {
      const ofTenant = selectListed(db, new Set([tenant_id]));
      const agents = ofTenant.where("profile_id", direction === "asc" ? "<=" : ">=", profileId);
      // By the profile, too, though it is one: so both engines see what the index is that has this order.
      const place = { key: profileId, id: from?.id ?? (direction === "asc" ? "" : pastEveryId) };
      return onPage(agents, { key: "profile_id", id: "id" }, { direction, after: place, limit: steps });
    });
    const rest = { direction, after: null, limit: left };
    const rows = await cut(db, lists, { key: "id", filter, steps }, rest, context);
    found.push(...rows.map(({ id }) => ({ key: name, id })));
    if (found.length > limit) return found;
    // Of the next name's agents nothing may be shown before the last one of this name, which the walk must have reached.
    const lengths = await Promise.all(lists.map((agents) => lengthOf(db, agents, steps + 2)));
    if (lengths.reduce((sum, length) => sum + length, 0) > steps + 1) return null;
  }
  return names.length <= agentLimits.maxProfileNamesWalked ? found : null;
}

/** Ids are hexadecimal. */
const pastEveryId = "g";

async function lengthOf(db: Db, list: Rows, atMost: number): Promise<number> {
  const ids = list.clearSelect().select("id").clearLimit().limit(atMost);
  const { count } = await db
    .selectFrom(ids.as("ids"))
    .select((row) => row.fn.countAll().as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}

interface NamedProfile {
  readonly id: string;
  readonly tenant_id: string;
}

/** The profiles within reach, by their names, from the one on at which the page begins. */
async function profileNames(
  db: Db,
  { profileId }: AgentFilter,
  reach: Reach,
  { direction, after }: Pick<Page, "direction" | "after">,
): Promise<[string, NamedProfile[]][]> {
  const all = withinReach(db.selectFrom("profile").select(["id", "tenant_id", "name_search"]), "tenant_id", reach);
  const wanted = profileId === undefined ? all : all.where("id", "in", profileId);
  const next =
    after === null ? wanted : wanted.where("name_search", direction === "asc" ? ">=" : "<=", String(after.key));
  const rows = await next.orderBy("name_search", direction).execute();
  return [...Map.groupBy(rows, (row) => row.name_search)];
}

const rowColumns = [...listedColumns, "protection_order"].map((name) => `listed_agent.${name}` as "listed_agent.id");

/** Some agents' rows of the list. */
type Rows = SelectQueryBuilder<Database, "listed_agent", ListedAgentTable>;

function selectListed(db: Db, reach: Reach): Rows {
  return withinReach(db.selectFrom("listed_agent"), "tenant_id", reach).select(rowColumns) as unknown as Rows;
}

/** The first ones of several lists that have the same order, and of these those that fit. */
function cut(
  db: Db,
  lists: readonly Rows[],
  { key, filter, steps }: { key: keyof ListedAgentTable; filter: AgentFilter; steps: number },
  { direction, limit }: KeysetPage,
  context: MatchContext,
): Promise<KeysetPosition[]> {
  const [first, ...others] = lists.map((list, n) => db.selectFrom(list.as(`list${n}`)).selectAll());
  if (first === undefined) return Promise.resolve([]);
  const all = others.reduce((union, list) => union.unionAll(list), first);
  const some =
    others.length === 0
      ? all
      : onPage(db.selectFrom(all.as("every")).selectAll(), { key, id: "id" }, { direction, after: null, limit: steps });
  const matching = selectAmong(db, some.as("agent") as never, filter, context).select([
    "agent.id",
    `agent.${key} as key`,
  ]);
  return onPage(
    matching,
    { key: `agent.${key}`, id: "agent.id" },
    { direction, after: null, limit },
  ).execute() as never;
}

async function scan(db: Db, filter: AgentFilter, page: Page, context: MatchContext): Promise<KeysetPosition[]> {
  const silent = await findFewSilent(db, filter, context.now);
  if (silent === null) return lookAt(db, filter, page, context, "joined");
  const found = await Promise.all(slices(silent).map((some) => lookAt(db, filter, page, context, padded(some))));
  const sign = page.direction === "asc" ? 1 : -1;
  return found
    .flat()
    .sort((a, b) => sign * (compare(a.key, b.key) || compare(a.id, b.id)))
    .slice(0, page.limit + 1);
}

/** As many values as one statement takes, the last one repeated: so all pieces are the same statement. */
function padded(ids: readonly string[]): string[] {
  const last = ids.at(-1) ?? "";
  return [...ids, ...Array<string>(dbLimits.maxRowsPerStatement - ids.length).fill(last)];
}

/** As both engines do: texts by their bytes. */
function compare(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}

function lookAt(
  db: Db,
  filter: AgentFilter,
  { field, direction, after, limit }: Page,
  context: MatchContext,
  silence: Silence,
): Promise<KeysetPosition[]> {
  const agents = selectMatching(db, filter, context, silence);
  const isNamed = field !== "profile" || filter.view === "protection_gaps"; // that view asks for the profiles itself
  const found = (isNamed ? agents : withProfile(db, agents, context)).select([
    "agent.id",
    scannedKeys[field].as("key"),
  ]);
  return onPage(
    db.selectFrom(found.as("found")).select(["found.id", "found.key"]),
    { key: "found.key", id: "found.id" },
    { direction, after, limit },
  ).execute();
}

/** As expressions, for which there is no index that one of the engines could think of walking. */
const scannedKeys: Readonly<Record<AgentSortField, RawBuilder<string | number>>> = {
  hostName: sql<string>`coalesce(agent.host_name_search, '')`,
  enrolledAt: sql<number>`coalesce(agent.enrolled_at, 0)`,
  platform: sql<string>`coalesce(agent.platform, '')`,
  version: sql<string>`coalesce(agent.version_order, '')`,
  protection: sql<number>`coalesce(agent.protection_order, 0)`,
  profile: sql<string>`coalesce(profile.name_search, '')`,
};
