import { Type } from "typebox";
import { toRfc3339, toRfc3339OrNull } from "../clock.ts";
import { nullable, oneOf, type Static, Time, Uuid } from "../http/schema.ts";
import { type AgentTable, standings } from "./tables.ts";

/** Members of an agent's detail that tell of its beginning and its end. */
export const lifecycleMembers = {
  standing: Type.Object(
    {
      is: oneOf(standings),
      since: nullable(Time),
      by: nullable(Type.String({ description: "Null: the cluster by itself." })),
      replacedBy: nullable(Uuid),
    },
    { description: "What is said of the agent beyond whether it is heard of." },
  ),
  decommission: nullable(
    Type.Object(
      { requestedAt: Time, by: Type.String(), appliedAt: nullable(Time) },
      { description: "Until `appliedAt` the agent has not said that its protection is off, and it can be taken back." },
    ),
  ),
};
const Lifecycle = Type.Object(lifecycleMembers);

export function lifecycleOf(agent: AgentTable): Static<typeof Lifecycle> {
  const { standing, standing_since, standing_by, replaced_by, decommission_at, decommission_by } = agent;
  return {
    standing: { is: standing, since: toRfc3339OrNull(standing_since), by: standing_by, replacedBy: replaced_by },
    decommission:
      decommission_at === null
        ? null
        : {
            requestedAt: toRfc3339(decommission_at),
            by: decommission_by ?? "",
            appliedAt: standing === "decommissioned" ? toRfc3339OrNull(standing_since) : null,
          },
  };
}
