import { platforms } from "@postern/protocol";
import { Type } from "typebox";
import { toRfc3339 } from "../clock.ts";
import { Problem, type ProblemError } from "../http/problems.ts";
import { closed, DisplayName, nullable, oneOf, type Static, Time, Uuid } from "../http/schema.ts";
import { parseAddressRange } from "../profiles/address-ranges.ts";
import type { Intent } from "../profiles/intents.ts";
import { Label } from "../profiles/label.ts";
import { profileLimits } from "../profiles/limits.ts";
import type { IntentFilter } from "../profiles/resolve-profile.ts";
import type { AssignmentChange } from "./assignment.ts";
import { agentLimits } from "./limits.ts";

const members = {
  platforms: Type.Array(oneOf(platforms), { minItems: 1, maxItems: platforms.length, description: "One of these." }),
  hostName: Type.String({
    minLength: 1,
    maxLength: profileLimits.maxHostPatternLength,
    pattern: "^[^\\s\\p{C}]+$",
    mustBe: "a host name without blanks, in which * stands for any text and ? for one character",
    description: "A pattern for the whole name, in any case: * stands for any text, ? for one character.",
  }),
  labels: Type.Array(Label, { minItems: 1, maxItems: profileLimits.maxFilterLabels, description: "All of these." }),
  addresses: Type.Array(Type.String({ maxLength: profileLimits.maxAddressRangeLength }), {
    minItems: 1,
    maxItems: profileLimits.maxFilterAddresses,
    description: "An address in one of these ranges, such as 10.0.0.0/8 or 2001:db8::/32.",
  }),
};

const Filter = closed(
  {
    platforms: Type.Optional(members.platforms),
    hostName: Type.Optional(members.hostName),
    labels: Type.Optional(members.labels),
    addresses: Type.Optional(members.addresses),
  },
  { description: "Each member that is there must fit; without any, it is for all agents." },
);

const FilterPatch = closed({
  platforms: Type.Optional(nullable(members.platforms)),
  hostName: Type.Optional(nullable(members.hostName)),
  labels: Type.Optional(nullable(members.labels)),
  addresses: Type.Optional(nullable(members.addresses)),
});

export const IntentView = Type.Object({
  id: Uuid,
  tenantId: Uuid,
  name: Type.String(),
  position: Type.Integer({ description: "Its place in the tenant's order, from 0." }),
  profileId: Uuid,
  filter: Filter,
  createdAt: Time,
  changedAt: Time,
});

export const NewIntentBody = closed({
  tenantId: Uuid,
  name: DisplayName,
  profileId: Uuid,
  filter: Type.Optional(Filter),
  position: Type.Optional(
    Type.Integer({ minimum: 0, maximum: profileLimits.maxIntents, description: "Where it goes; else at the end." }),
  ),
});

export const IntentPatchBody = closed({
  name: Type.Optional(DisplayName),
  profileId: Type.Optional(Uuid),
  filter: Type.Optional(FilterPatch),
});

export const OrderBody = closed({
  tenantId: Uuid,
  intentIds: Type.Array(Uuid, {
    maxItems: profileLimits.maxIntents,
    description: "All of the tenant's intents, each once.",
  }),
});

export const OrderView = Type.Object({ intentIds: Type.Array(Uuid) });

export const PreviewBody = closed({
  tenantId: Uuid,
  intents: Type.Array(closed({ profileId: Uuid, filter: Type.Optional(Filter) }), {
    maxItems: profileLimits.maxIntents,
    description: "The whole list as it would be.",
  }),
});

const effects = ["gains", "loses", "neither"] as const;

export const PreviewView = Type.Object({
  moved: Type.Integer({ description: "Agents that would get another profile." }),
  gains: Type.Integer({ description: "Those among them that would gain protection." }),
  loses: Type.Integer({ description: "Those among them that would lose it." }),
  held: Type.Integer({ description: "Agents that would keep their profile until a user confirms the drop." }),
  agents: Type.Array(
    Type.Object({ id: Uuid, hostName: Type.String(), fromProfileId: Uuid, toProfileId: Uuid, effect: oneOf(effects) }),
    { description: "Those that would move, the ones that lose protection first; not all when there are many." },
  ),
});

export function toIntentView(intent: Intent): Static<typeof IntentView> {
  const { id, tenantId, name, position, profileId, filter, createdAt, changedAt } = intent;
  return {
    id,
    tenantId,
    name,
    position,
    profileId,
    filter: filter as Static<typeof Filter>,
    createdAt: toRfc3339(createdAt),
    changedAt: toRfc3339(changedAt),
  };
}

/** A filter from a request, in one order of members and with every list sorted, so that equal ones are stored alike. */
export function toFilter({ platforms: on, hostName, labels, addresses }: Static<typeof Filter>): IntentFilter {
  return {
    ...(on && { platforms: sortedOnce(on) }),
    ...(hostName !== undefined && { hostName }),
    ...(labels && { labels: sortedOnce(labels) }),
    ...(addresses && { addresses: sortedOnce(addresses) }),
  };
}

/** The filter after a patch (RFC 7396): null takes a member away. */
export function patchedFilter(before: IntentFilter, patch: Static<typeof FilterPatch>): IntentFilter {
  const merged = Object.entries({ ...before, ...patch }).filter(([, value]) => value !== null);
  return toFilter(Object.fromEntries(merged) as Static<typeof Filter>);
}

/** @throws {Problem} validation_failed: an address range that is none */
export function refuseStrayRanges({ addresses = [] }: IntentFilter, pointer: string): void {
  const errors = addresses.flatMap((text): ProblemError[] => {
    if (parseAddressRange(text) !== undefined) return [];
    const detail = "It must hold address ranges such as 10.0.0.0/8 or 2001:db8::/32.";
    return [{ pointer: `${pointer}/addresses`, code: "format", detail }];
  });
  if (errors.length > 0) throw new Problem("validation_failed", undefined, { errors });
}

/** How many agents a change moves, and what becomes of their protection. */
export function countsOf(changes: readonly AssignmentChange[]) {
  const moved = changes.filter(isMove);
  return {
    moved: moved.length,
    gains: moved.filter(({ effect }) => effect === "gains").length,
    loses: moved.filter(({ effect }) => effect === "loses").length,
  };
}

export function toPreview(changes: readonly AssignmentChange[], held: number): Static<typeof PreviewView> {
  const order = ["loses", "gains", "neither"];
  const moved = changes.filter(isMove).sort((a, b) => order.indexOf(a.effect) - order.indexOf(b.effect));
  return {
    ...countsOf(changes),
    held,
    agents: moved.slice(0, agentLimits.maxAgentsNamedInPreview).map(({ agentId, hostName, before, after, effect }) => ({
      id: agentId,
      hostName,
      fromProfileId: before.profileId,
      toProfileId: after.profileId,
      effect,
    })),
  };
}

function isMove({ before, after }: AssignmentChange): boolean {
  return before.profileId !== after.profileId;
}

function sortedOnce<Item extends string>(items: readonly Item[]): Item[] {
  return [...new Set(items)].sort();
}
