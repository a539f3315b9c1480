import { asCsvRow } from "../audit/csv.ts";
import { dbLimits } from "../db/limits.ts";
import { versionsHere } from "../packages/agent-packages.ts";
import type { Db } from "../schema.ts";
import { findAgents } from "./agents.ts";
import type { AgentFilter } from "./filters.ts";
import { labelsOf } from "./labels.ts";
import { type MatchContext, selectMatching } from "./matching.ts";
import { type AgentSummary, toSummary } from "./views.ts";

/**
 * The agents that a filter names, as CSV in pieces, in the order in which they enrolled: each of them once, whatever they
 * report meanwhile, and never more of them in memory than one piece.
 */
export async function* exportAgents(db: Db, filter: AgentFilter, context: MatchContext): AsyncGenerator<string, void> {
  yield asCsvRow(columns.map(([heading]) => heading));
  const here = await versionsHere(db);
  let after = "";
  for (;;) {
    const rows = await selectMatching(db, filter, context)
      .select("agent.id")
      .where("agent.id", ">", after)
      .orderBy("agent.id")
      .limit(dbLimits.maxRowsPerStatement)
      .execute();
    const ids = rows.map(({ id }) => id);
    const labels = await labelsOf(db, ids);
    const agents = await findAgents(db, context.reach, ids);
    if (agents.length > 0) {
      yield agents
        .map((known) => toSummary(known, labels.get(known.agent.id) ?? [], context.now, here))
        .map((agent) => asCsvRow(columns.map(([, value]) => value(agent))))
        .join("");
    }
    const last = ids.at(-1);
    if (last === undefined || ids.length < dbLimits.maxRowsPerStatement) return;
    after = last;
  }
}

type Column = readonly [heading: string, value: (agent: AgentSummary) => unknown];

const columns: readonly Column[] = [
  ["hostName", ({ hostName }) => hostName],
  ["tenant", ({ tenant }) => tenant.name],
  ["platform", ({ platform }) => platform],
  ["osVersion", ({ osVersion }) => osVersion],
  ["agentVersion", ({ agentVersion }) => agentVersion],
  ["state", ({ state }) => state],
  ["protection", ({ protection }) => protection],
  ["protectionSince", ({ protectionSince }) => protectionSince],
  ["protectionGap", ({ protectionGap }) => protectionGap],
  ["wouldDropSince", ({ wouldDrop }) => wouldDrop?.since],
  ["profile", ({ profile }) => profile.name],
  ["labels", ({ labels }) => labels.join(" ")],
  ["addresses", ({ addresses }) => addresses.join(" ")],
  ["desiredRev", ({ config }) => config.desiredRev],
  ["appliedRev", ({ config }) => config.appliedRev],
  ["enrolledAt", ({ enrolledAt }) => enrolledAt],
  ["seenAt", ({ seenAt }) => seenAt],
  ["dueAt", ({ dueAt }) => dueAt],
  ["id", ({ id }) => id],
  ["tenantId", ({ tenantId }) => tenantId],
  ["profileId", ({ profileId }) => profileId],
  ["desiredVersion", ({ update }) => update?.desiredVersion],
  ["update", ({ update }) => update?.state],
];
