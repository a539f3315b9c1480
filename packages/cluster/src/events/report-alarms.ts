import type { ReportColumns } from "../agents/reports.ts";
import type { AgentTable } from "../agents/tables.ts";
import type { Tx } from "../schema.ts";
import { type AlarmServices, raiseAlarm, resolveAlarms } from "./alarms.ts";

/** Raises or resolves `config_refused` when what an agent says of its config has changed. */
export async function raiseFromReport(
  tx: Tx,
  services: AlarmServices,
  before: AgentTable,
  news: Partial<ReportColumns>,
  now: number,
): Promise<void> {
  const { refused_rev: rev = before.refused_rev, refused_code: code = before.refused_code } = news;
  if (rev === before.refused_rev && code === before.refused_code) return;
  if (rev === null) return resolveAlarms(tx, services.feed, "config_refused", [before.id], now);
  const agent = { id: before.id, hostName: news.host_name ?? before.host_name };
  const data = { rev, code };
  await raiseAlarm(tx, services, { kind: "config_refused", tenantId: before.tenant_id, agent, data }, now);
}

/**
 * Raises `would_drop` when an agent has just been kept from a profile that its new facts would give it. The watch finds
 * the same, only later; and it finds the end.
 */
export async function raiseWouldDrop(
  tx: Tx,
  services: AlarmServices,
  before: Pick<AgentTable, "id" | "tenant_id" | "would_drop_profile_id">,
  now: number,
): Promise<void> {
  const agent = await tx
    .selectFrom("agent")
    .select(["id", "host_name", "profile_id", "would_drop_profile_id"])
    .where("tenant_id", "=", before.tenant_id)
    .where("id", "=", before.id)
    .executeTakeFirst();
  const wouldDropTo = agent?.would_drop_profile_id ?? null;
  if (agent === undefined || wouldDropTo === null || wouldDropTo === before.would_drop_profile_id) return;
  await raiseAlarm(
    tx,
    services,
    {
      kind: "would_drop",
      tenantId: before.tenant_id,
      agent: { id: agent.id, hostName: agent.host_name },
      data: { keepsProfileId: agent.profile_id, wouldDropToProfileId: wouldDropTo },
    },
    now,
  );
}
