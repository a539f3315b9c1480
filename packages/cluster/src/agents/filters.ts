import { platforms, protectionStates } from "@postern/protocol";
import { type TSchema, Type } from "typebox";
import { oneOf, type Static, Uuid } from "../http/schema.ts";
import { Label } from "../profiles/label.ts";
import { agentLimits } from "./limits.ts";
import { agentStates } from "./state.ts";

/**
 * What an agent's protection can be asked for by: what it reported last, `not_reported`, or `would_drop`, which stands
 * beside what it reports: it keeps its protection until a user confirms that it goes.
 */
export const protectionFilters = [...protectionStates, "not_reported", "would_drop"] as const;
export type ProtectionFilter = (typeof protectionFilters)[number];

/**
 * `protection_gaps`: Windows agents whose protection or config is not the one wanted of them. `cut_off`: those that are
 * protected and silent, so that only an agent token can lift their protection.
 */
export const agentViews = ["protection_gaps", "cut_off"] as const;
export type AgentView = (typeof agentViews)[number];

const anyOf = "Given several times: any of them.";
const values = {
  tenantId: Uuid,
  platform: oneOf(platforms),
  state: oneOf(agentStates),
  protection: oneOf(protectionFilters),
  version: Type.String({ minLength: 1, maxLength: agentLimits.maxVersionLength }),
  profileId: Uuid,
  label: Label,
};
const single = {
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description: "Part of the host name, of an address or of a label, or the beginning of the id.",
    }),
  ),
  view: Type.Optional(
    oneOf(agentViews, {
      description:
        "protection_gaps: protection or config is not the one wanted. cut_off: protected and silent, reached by an agent token only.",
    }),
  ),
};

/** By which agents can be picked out in a query. All that are given must fit. */
export const agentFilters = {
  ...single,
  tenantId: many(values.tenantId),
  platform: many(values.platform),
  state: many(values.state),
  protection: many(
    values.protection,
    "would_drop: keeps its protection against its facts. not_reported: said nothing yet.",
  ),
  version: many(values.version),
  profileId: many(values.profileId),
  label: many(values.label),
};

/** The same in a body, where one value need not be a list. */
export const agentFiltersOfBody = {
  ...single,
  tenantId: oneOrMany(values.tenantId),
  platform: oneOrMany(values.platform),
  state: oneOrMany(values.state),
  protection: oneOrMany(values.protection),
  version: oneOrMany(values.version),
  profileId: oneOrMany(values.profileId),
  label: oneOrMany(values.label),
};

const Given = Type.Object(agentFiltersOfBody);

/** Filters as they are applied: of each member any value, of all members all. */
export interface AgentFilter {
  readonly q?: string;
  readonly view?: AgentView;
  readonly tenantId?: readonly string[];
  readonly platform?: readonly (typeof platforms)[number][];
  readonly state?: readonly (typeof agentStates)[number][];
  readonly protection?: readonly ProtectionFilter[];
  readonly version?: readonly string[];
  readonly profileId?: readonly string[];
  readonly label?: readonly string[];
}

/** Takes the filters out of what was given; the same question always reads the same. */
export function readAgentFilter(given: Static<typeof Given>): AgentFilter {
  const names = ["tenantId", "platform", "state", "protection", "version", "profileId", "label"] as const;
  const lists = names.flatMap((name) => {
    const value = given[name];
    return value === undefined ? [] : [[name, [...new Set([value].flat())].sort()] as const];
  });
  const q = given.q?.trim();
  return {
    ...(q && { q }),
    ...(given.view && { view: given.view }),
    ...(Object.fromEntries(lists) as Omit<AgentFilter, "q" | "view">),
  };
}

function many<Value extends TSchema>(value: Value, description = "") {
  const items = { minItems: 1, maxItems: agentLimits.maxValuesPerFilter };
  return Type.Optional(Type.Array(value, { ...items, description: `${description} ${anyOf}`.trim() }));
}

function oneOrMany<Value extends TSchema>(value: Value) {
  const items = { minItems: 1, maxItems: agentLimits.maxValuesPerFilter };
  return Type.Optional(Type.Union([value, Type.Array(value, items)]));
}
