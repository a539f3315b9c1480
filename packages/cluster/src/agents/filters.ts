import { platforms, protectionStates } from "@postern/protocol";
import type { SelectQueryBuilder } from "kysely";
import { Type } from "typebox";
import { containsText } from "../db/search-text.ts";
import type { Reach } from "../http/access.ts";
import { oneOf, type Static, Uuid } from "../http/schema.ts";
import { Label } from "../profiles/label.ts";
import type { Database } from "../schema.ts";
import { agentLimits } from "./limits.ts";
import { agentStates } from "./state.ts";

/** By which agents can be picked out. All that are given must fit. */
export const agentFilters = {
  tenantId: Type.Optional(Uuid),
  q: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: "Part of the host name or of a label." })),
  platform: Type.Optional(oneOf(platforms)),
  state: Type.Optional(oneOf(agentStates)),
  protection: Type.Optional(oneOf(protectionStates)),
  label: Type.Optional(Label),
};
const Filter = Type.Object(agentFilters);
export type AgentFilter = Static<typeof Filter>;

/** The agents that the filters name, cut to what their reader may see. */
export function whereMatching<Row>(
  all: SelectQueryBuilder<Database, "agent" | "presence", Row>,
  reach: Reach,
  { tenantId, q, platform, state, protection, label }: AgentFilter,
  now: number,
): SelectQueryBuilder<Database, "agent" | "presence", Row> {
  let query = reach === "everywhere" ? all : all.where("agent.tenant_id", "in", [...reach]);
  if (tenantId !== undefined) query = query.where("agent.tenant_id", "=", tenantId);
  if (platform !== undefined) query = query.where("agent.platform", "=", platform);
  if (protection !== undefined) query = query.where("agent.protection_state", "=", protection);
  if (state !== undefined) {
    query = query.where("presence.due_at", state === "active" ? ">" : "<=", now - agentLimits.graceMs);
  }
  if (label !== undefined) {
    query = query.where("agent.id", "in", (row) =>
      row.selectFrom("agent_label").select("agent_label.agent_id").where("agent_label.label", "=", label),
    );
  }
  if (q !== undefined) {
    query = query.where((row) =>
      row.or([
        containsText("agent.host_name_search", q),
        row.exists(
          row
            .selectFrom("agent_label")
            .select("agent_label.label")
            .whereRef("agent_label.agent_id", "=", "agent.id")
            .where(containsText("agent_label.label", q)),
        ),
      ]),
    );
  }
  return query;
}
