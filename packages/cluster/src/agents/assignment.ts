import type { Facts } from "@postern/protocol";
import type { ChangePublisher } from "../change-feed.ts";
import { dbLimits } from "../db/limits.ts";
import { Problem } from "../http/problems.ts";
import { intentListOf } from "../profiles/intents.ts";
import { type IntentList, resolveProfile } from "../profiles/resolve-profile.ts";
import { readSettings } from "../profiles/settings.ts";
import type { Db, Tx } from "../schema.ts";
import { agentLimits } from "./limits.ts";
import { relistAgents } from "./listed.ts";
import { type Placement, type PlacementCause, placementAfter } from "./placement.ts";
import { labelsOfText } from "./search-columns.ts";
import type { AgentTable } from "./tables.ts";

/** Which agents of a tenant are looked at again. */
export type AssignmentScope =
  | { readonly kind: "all" }
  | { readonly kind: "agents"; readonly ids: readonly string[] }
  /** Those that keep a profile against their facts, where this profile is one of the two. */
  | { readonly kind: "held"; readonly profileId: string };

/** An agent whose profile is not what it was, or that now keeps one against its facts. */
export interface AssignmentChange {
  readonly agentId: string;
  readonly hostName: string;
  readonly before: Placement;
  readonly after: Placement;
  /** `gains` and `loses` protection; `neither` when both profiles protect the agent, or none. */
  readonly effect: "gains" | "loses" | "neither";
}

interface KnownProfile {
  readonly isOn: boolean;
  readonly changedAt: number;
}

type Candidate = Pick<
  AgentTable,
  | "id"
  | "platform"
  | "host_name"
  | "label_text"
  | "profile_id"
  | "assigned_at"
  | "would_drop_profile_id"
  | "would_drop_since"
> & {
  /** Missing where no intent goes by addresses: reading and parsing them is most of the work. */
  readonly facts?: string;
};

/**
 * Gives agents the profiles that are theirs after a user's edit or after new facts, and tells the check-ins that are
 * held. Writes one row for each agent whose placement really changes, and none for the others.
 *
 * For as many agents as one transaction can take; see `follow-up.ts` for more.
 */
export async function reassign(
  tx: Tx,
  feed: ChangePublisher,
  tenantId: string,
  scope: AssignmentScope,
  cause: PlacementCause,
  now: number,
): Promise<AssignmentChange[]> {
  const changes = await place(tx, tenantId, scope, cause, now);
  publishMoves(tx, feed, tenantId, changes);
  return changes;
}

/** As {@link reassign}, without a word to the check-ins. */
export async function place(
  tx: Tx,
  tenantId: string,
  scope: AssignmentScope,
  cause: PlacementCause,
  now: number,
): Promise<AssignmentChange[]> {
  const profiles = await profilesOf(tx, tenantId);
  const changes: AssignmentChange[] = [];
  for await (const page of plan(tx, tenantId, scope, await intentListOf(tx, tenantId), profiles, cause, now)) {
    for (const alike of Map.groupBy(page, ({ change }) => JSON.stringify(change.after)).values()) {
      await store(tx, tenantId, alike, profiles, now);
    }
    changes.push(...page.map(({ change }) => change));
  }
  return changes;
}

/** What {@link reassign} would change after a user's edit that is stored. */
export async function planAssignment(
  db: Db,
  tenantId: string,
  scope: AssignmentScope,
  now: number,
): Promise<AssignmentChange[]> {
  const [list, profiles] = [await intentListOf(db, tenantId), await profilesOf(db, tenantId)];
  const changes: AssignmentChange[] = [];
  for await (const page of plan(db, tenantId, scope, list, profiles, "edit", now)) {
    changes.push(...page.map(({ change }) => change));
  }
  return changes;
}

/** What {@link reassign} would change if the tenant's intents were these. */
export async function previewAssignment(
  db: Db,
  tenantId: string,
  list: IntentList,
  now: number,
): Promise<{ readonly changes: readonly AssignmentChange[]; readonly held: number }> {
  const changes: AssignmentChange[] = [];
  const profiles = await profilesOf(db, tenantId);
  let held = await countHeld(db, tenantId);
  for await (const page of plan(db, tenantId, { kind: "all" }, list, profiles, "edit", now)) {
    for (const { change } of page) {
      if (change.before.wouldDrop !== null && change.after.wouldDrop === null) held -= 1;
      changes.push(change);
    }
  }
  return { changes, held };
}

/**
 * Lets an agent go to the profile that it has been kept from.
 *
 * @param profileId the one that the user saw: the facts may have changed once more meanwhile
 * @throws {Problem} not_found, drop_not_pending
 */
export async function confirmDrop(
  tx: Tx,
  feed: ChangePublisher,
  tenantId: string,
  agentId: string,
  profileId: string,
  now: number,
): Promise<AssignmentChange> {
  const [agent] = await candidates(tx, tenantId, { kind: "agents", ids: [agentId] }, { after: "", withFacts: false });
  if (agent === undefined) throw new Problem("not_found");
  const before = placementOf(agent);
  if (before.wouldDrop?.profileId !== profileId) throw new Problem("drop_not_pending");
  const profiles = await profilesOf(tx, tenantId);
  const change: AssignmentChange = {
    agentId,
    hostName: agent.host_name,
    before,
    after: { profileId, wouldDrop: null },
    effect: "loses",
  };
  await store(tx, tenantId, [{ agent, change }], profiles, now);
  publishMoves(tx, feed, tenantId, [change]);
  return change;
}

/** Unix ms of the newest assignment of an agent to this profile; 0 when it has none. */
export async function newestAssignment(db: Db, tenantId: string, profileId: string): Promise<number> {
  const { newest } = await db
    .selectFrom("agent")
    .select((row) => row.fn.max("assigned_at").as("newest"))
    .where("tenant_id", "=", tenantId)
    .where("profile_id", "=", profileId)
    .executeTakeFirstOrThrow();
  return Number(newest ?? 0);
}

/** Windows agents that have this profile. */
export async function countWindowsAgents(db: Db, tenantId: string, profileId: string): Promise<number> {
  const { count } = await db
    .selectFrom("agent")
    .select((row) => row.fn.countAll().as("count"))
    .where("tenant_id", "=", tenantId)
    .where("profile_id", "=", profileId)
    .where("platform", "=", "windows")
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Whether an agent has this profile, or is kept from it. */
export async function isProfileOfAgent(db: Db, tenantId: string, profileId: string): Promise<boolean> {
  const row = await db
    .selectFrom("agent")
    .select("id")
    .where("tenant_id", "=", tenantId)
    .where((agent) => agent.or([agent("profile_id", "=", profileId), agent("would_drop_profile_id", "=", profileId)]))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export async function hasMoreAgentsThan(db: Db, tenantId: string, count: number): Promise<boolean> {
  const row = await db
    .selectFrom("agent")
    .select("id")
    .where("tenant_id", "=", tenantId)
    .orderBy("id")
    .offset(count)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

async function countHeld(db: Db, tenantId: string): Promise<number> {
  const { count } = await db
    .selectFrom("agent")
    .select((row) => row.fn.countAll().as("count"))
    .where("tenant_id", "=", tenantId)
    .where("would_drop_profile_id", "is not", null)
    .executeTakeFirstOrThrow();
  return Number(count);
}

interface Planned {
  readonly agent: Candidate;
  readonly change: AssignmentChange;
}

/** The changes, one page of agents after the other. */
async function* plan(
  db: Db,
  tenantId: string,
  scope: AssignmentScope,
  list: IntentList,
  profiles: ReadonlyMap<string, KnownProfile>,
  cause: PlacementCause,
  now: number,
): AsyncGenerator<Planned[], void> {
  let after = "";
  for (;;) {
    const page = await candidates(db, tenantId, scope, { after, withFacts: list.asksForAddresses });
    yield page.flatMap((agent): Planned[] => {
      // Protection exists on Windows only; the platform is the one of the enrolment, which facts do not change.
      const protects = (id: string) => agent.platform === "windows" && profiles.get(id)?.isOn === true;
      const { addresses } = agent.facts === undefined ? { addresses: [] } : (JSON.parse(agent.facts) as Facts);
      const facts = { platform: agent.platform, hostName: agent.host_name, addresses };
      const resolved = resolveProfile(facts, labelsOfText(agent.label_text), list);
      const before = placementOf(agent);
      const then = placementAfter(before, resolved, protects, cause, now);
      if (isSame(before, then)) return [];
      const effect = effectOf(protects(before.profileId), protects(then.profileId));
      return [{ agent, change: { agentId: agent.id, hostName: agent.host_name, before, after: then, effect } }];
    });
    const last = page.at(-1);
    if (last === undefined || page.length < pageOf(scope)) return;
    after = last.id;
    // SQLite answers without a pause in which others could have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Ids are parameters of the statement, of which there cannot be many; where there are none, fewer and longer pages are faster. */
function pageOf({ kind }: AssignmentScope): number {
  return kind === "agents" ? dbLimits.maxRowsPerStatement : agentLimits.maxAgentsReadAtOnce;
}

async function candidates(
  db: Db,
  tenantId: string,
  scope: AssignmentScope,
  { after, withFacts }: { readonly after: string; readonly withFacts: boolean },
): Promise<Candidate[]> {
  let query = db
    .selectFrom("agent")
    .select(["id", "platform", "host_name", "label_text", "profile_id", "assigned_at"])
    .select(["would_drop_profile_id", "would_drop_since"])
    .$if(withFacts, (all) => all.select("facts"))
    .where("tenant_id", "=", tenantId)
    .where("id", ">", after);
  if (scope.kind === "agents") {
    const ids = scope.ids.filter((id) => id > after).sort();
    if (ids.length === 0) return [];
    query = query.where("id", "in", ids.slice(0, dbLimits.maxRowsPerStatement));
  }
  if (scope.kind === "held") {
    const { profileId } = scope;
    query = query
      .where("would_drop_profile_id", "is not", null)
      .where((agent) =>
        agent.or([agent("profile_id", "=", profileId), agent("would_drop_profile_id", "=", profileId)]),
      );
  }
  return query.orderBy("id").limit(pageOf(scope)).execute();
}

async function profilesOf(db: Db, tenantId: string): Promise<ReadonlyMap<string, KnownProfile>> {
  const rows = await db
    .selectFrom("profile")
    .select(["id", "settings", "changed_at"])
    .where("tenant_id", "=", tenantId)
    .execute();
  return new Map(
    rows.map(({ id, settings, changed_at }) => [
      id,
      { isOn: readSettings(settings).serviceProtection.on, changedAt: changed_at },
    ]),
  );
}

/** Stores the same placement for some agents, with revisions that rise for each of them. */
async function store(
  tx: Tx,
  tenantId: string,
  planned: readonly Planned[],
  profiles: ReadonlyMap<string, KnownProfile>,
  now: number,
): Promise<void> {
  const [first] = planned;
  if (first === undefined) return;
  const { profileId, wouldDrop } = first.change.after;
  const held = { would_drop_profile_id: wouldDrop?.profileId ?? null, would_drop_since: wouldDrop?.since ?? null };
  const moved = planned.filter(({ agent }) => agent.profile_id !== profileId).map(({ agent }) => agent);
  const stays = planned.filter(({ agent }) => agent.profile_id === profileId).map(({ agent }) => agent);
  // Past the revision that each has now, also when the clock went back.
  const newest = Math.max(
    ...moved.map(({ assigned_at, profile_id }) => Math.max(assigned_at, profiles.get(profile_id)?.changedAt ?? 0)),
  );
  const assigned = { profile_id: profileId, assigned_at: Math.max(now, newest + 1), ...held };
  for (const [agents, columns] of [[moved, assigned] as const, [stays, held] as const]) {
    for (let first = 0; first < agents.length; first += dbLimits.maxRowsPerStatement) {
      const ids = agents.slice(first, first + dbLimits.maxRowsPerStatement).map(({ id }) => id);
      await tx.updateTable("agent").set(columns).where("tenant_id", "=", tenantId).where("id", "in", ids).execute();
      await relistAgents(tx, tenantId, ids, columns);
    }
  }
}

/** Tells the check-ins that are held of the agents that have another profile, or all of the tenant when these are many. */
export function publishMoves(
  tx: Tx,
  feed: ChangePublisher,
  tenantId: string,
  changes: readonly AssignmentChange[],
): void {
  const moved = changes.filter(({ before, after }) => before.profileId !== after.profileId);
  if (moved.length > agentLimits.maxAgentsToldOneByOne) {
    feed.publish(tx, { kind: "assignment", tenantId, agentId: null });
    return;
  }
  for (const { agentId } of moved) feed.publish(tx, { kind: "assignment", tenantId, agentId });
}

function placementOf({ profile_id, would_drop_profile_id, would_drop_since }: Candidate): Placement {
  const isHeld = would_drop_profile_id !== null && would_drop_since !== null;
  return {
    profileId: profile_id,
    wouldDrop: isHeld ? { profileId: would_drop_profile_id, since: would_drop_since } : null,
  };
}

function isSame(a: Placement, b: Placement): boolean {
  return a.profileId === b.profileId && a.wouldDrop?.profileId === b.wouldDrop?.profileId;
}

function effectOf(before: boolean, after: boolean): AssignmentChange["effect"] {
  if (before === after) return "neither";
  return after ? "gains" : "loses";
}
