import type { CheckIn } from "@postern/protocol";
import type { Tx } from "../schema.ts";
import { relistAgents } from "./listed.ts";
import { type SearchColumns, searchColumns } from "./search-columns.ts";
import type { AgentTable } from "./tables.ts";

/** The columns that an agent's reports write. */
export type ReportColumns = SearchColumns &
  Pick<
    AgentTable,
    | "facts"
    | "machine_id"
    | "protection_state"
    | "protection"
    | "applied_rev"
    | "refused_rev"
    | "refused_code"
    | "bundle_ver"
    | "revision_lead"
  >;

/** What a check-in says beyond what is stored; null when it says nothing new, as most do. */
export function newsOf(agent: AgentTable, checkIn: CheckIn, revisionLead: number): Partial<ReportColumns> | null {
  const { facts, protection, applied, bundleVer } = checkIn;
  const reported: Partial<ReportColumns> = {
    ...(facts && { ...searchColumns(facts), facts: JSON.stringify(facts), machine_id: facts.machineId }),
    protection_state: protection.state,
    protection: JSON.stringify(protection),
    applied_rev: applied.rev,
    refused_rev: applied.refused?.rev ?? null,
    refused_code: applied.refused?.code ?? null,
    bundle_ver: bundleVer,
    revision_lead: revisionLead,
  };
  const columns = Object.keys(reported) as (keyof ReportColumns)[];
  return columns.some((column) => reported[column] !== agent[column]) ? reported : null;
}

export async function storeReport(tx: Tx, agent: AgentTable, news: Partial<ReportColumns>): Promise<void> {
  await tx.updateTable("agent").set(news).where("tenant_id", "=", agent.tenant_id).where("id", "=", agent.id).execute();
  // Most reports change nothing that the list shows.
  const changed = Object.entries(news).filter(([name, value]) => agent[name as keyof ReportColumns] !== value);
  await relistAgents(tx, agent.tenant_id, [agent.id], Object.fromEntries(changed));
}
