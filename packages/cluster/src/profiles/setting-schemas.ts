import { agentVersionPattern, maxAfterMs, maxServices, serviceNamePattern } from "@postern/protocol";
import { maxLiftSeconds } from "@postern/token";
import { Type } from "typebox";
import { closed, nullable } from "../http/schema.ts";
import { profileLimits } from "./limits.ts";
import type { ProfileSettings } from "./settings.ts";

const ServiceName = Type.String({
  maxLength: 256,
  pattern: serviceNamePattern,
  mustBe: 'the name of a Windows service, of printable ASCII characters other than " , / and \\',
});
const AgentVersion = Type.String({
  maxLength: 17,
  pattern: agentVersionPattern,
  mustBe: "three numbers like 1.4.2",
});

const protection = {
  on: Type.Boolean({ description: "Service protection; Windows agents only." }),
  services: Type.Array(ServiceName, {
    maxItems: maxServices,
    description: "Windows services of other vendors that are guarded, too: their descriptors and keys, nothing more.",
  }),
  liftSeconds: Type.Integer({ minimum: 1, maximum: maxLiftSeconds, description: "The longest budget of a lift." }),
  singleUse: Type.Boolean({ description: "Refuse a token's second presentation on the same agent." }),
  requireChallenge: Type.Boolean({ description: "Accept only tokens that answer a challenge." }),
};
const checkIn = {
  holdMs: nullable(
    Type.Integer({
      minimum: 0,
      maximum: profileLimits.maxHoldMs,
      description: "How long a check-in is held when there is nothing to tell; 0: not at all. null: as is usual.",
    }),
  ),
  afterMs: nullable(
    Type.Integer({
      minimum: 0,
      maximum: maxAfterMs,
      description: "How long an agent waits after an answer. null: not at all, or as is usual when nothing is held.",
    }),
  ),
};
const others = {
  desiredVersion: nullable(AgentVersion),
  cleanUpAfterDays: nullable(
    Type.Integer({
      minimum: 1,
      maximum: profileLimits.maxCleanUpDays,
      description: "An agent that was silent for so many days is deleted; null: never.",
    }),
  ),
};

/** The settings of a profile, whole. */
export const settingMembers = {
  serviceProtection: Type.Object(protection),
  checkIn: Type.Object(checkIn),
  ...others,
};

export function settingsView({ serviceProtection, ...others }: ProfileSettings) {
  return { serviceProtection: { ...serviceProtection, services: [...serviceProtection.services] }, ...others };
}

export const ServiceProtectionPatch = closed({
  on: Type.Optional(protection.on),
  services: Type.Optional(protection.services),
  liftSeconds: Type.Optional(protection.liftSeconds),
  singleUse: Type.Optional(protection.singleUse),
  requireChallenge: Type.Optional(protection.requireChallenge),
});

/** Members of a change: what it does not name stays. */
export const settingPatchMembers = {
  serviceProtection: Type.Optional(ServiceProtectionPatch),
  checkIn: Type.Optional(closed({ holdMs: Type.Optional(checkIn.holdMs), afterMs: Type.Optional(checkIn.afterMs) })),
  desiredVersion: Type.Optional(others.desiredVersion),
  cleanUpAfterDays: Type.Optional(others.cleanUpAfterDays),
};

/** What an agent is told of its profile's settings. */
export const ToldConfig = Type.Object({
  serviceProtection: Type.Object({ ...protection, services: Type.Optional(protection.services) }),
  desiredVersion: Type.Optional(AgentVersion),
  urls: Type.Optional(Type.Array(Type.String())),
  packages: Type.Optional(
    Type.Array(
      Type.Object({ version: Type.String(), sha256: Type.String(), size: Type.Integer(), path: Type.String() }),
      { description: "The files that may replace the agent while it is protected." },
    ),
  ),
});
