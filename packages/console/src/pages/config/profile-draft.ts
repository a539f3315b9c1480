import type { Answer } from "../../api/types.ts";

export type ProfileDetail = Answer<"/api/v1/profiles/{id}">;

/** A profile's settings as the form holds them: numbers may be empty while they are typed. */
export interface ProfileDraft {
  readonly name: string;
  readonly on: boolean;
  readonly services: readonly string[];
  readonly liftMinutes: number | string;
  readonly singleUse: boolean;
  readonly requireChallenge: boolean;
  readonly holdSeconds: number | string;
  readonly afterSeconds: number | string;
  readonly desiredVersion: string;
  readonly cleanUpAfterDays: number | string;
}

export function draftOf({
  name,
  serviceProtection,
  checkIn,
  desiredVersion,
  cleanUpAfterDays,
}: ProfileDetail): ProfileDraft {
  return {
    name,
    on: serviceProtection.on,
    services: serviceProtection.services,
    liftMinutes: serviceProtection.liftSeconds / 60,
    singleUse: serviceProtection.singleUse,
    requireChallenge: serviceProtection.requireChallenge,
    holdSeconds: inSeconds(checkIn.holdMs),
    afterSeconds: inSeconds(checkIn.afterMs),
    desiredVersion: desiredVersion ?? "",
    cleanUpAfterDays: cleanUpAfterDays ?? "",
  };
}

/** The change that makes `profile` what the form says; members that stay as they are, are left out. */
export function patchOf(profile: ProfileDetail, draft: ProfileDraft) {
  const wanted = {
    serviceProtection: {
      on: draft.on,
      services: [...draft.services],
      liftSeconds: Math.round(Number(draft.liftMinutes) * 60),
      singleUse: draft.singleUse,
      requireChallenge: draft.requireChallenge,
    },
    checkIn: { holdMs: inMs(draft.holdSeconds), afterMs: inMs(draft.afterSeconds) },
    desiredVersion: draft.desiredVersion.trim() === "" ? null : draft.desiredVersion.trim(),
    cleanUpAfterDays: draft.cleanUpAfterDays === "" ? null : Number(draft.cleanUpAfterDays),
  };
  const serviceProtection = changed(profile.serviceProtection, wanted.serviceProtection);
  const checkIn = changed(profile.checkIn, wanted.checkIn);
  return {
    ...(draft.name.trim() !== profile.name && { name: draft.name.trim() }),
    ...(Object.keys(serviceProtection).length > 0 && { serviceProtection }),
    ...(Object.keys(checkIn).length > 0 && { checkIn }),
    ...(wanted.desiredVersion !== profile.desiredVersion && { desiredVersion: wanted.desiredVersion }),
    ...(wanted.cleanUpAfterDays !== profile.cleanUpAfterDays && { cleanUpAfterDays: wanted.cleanUpAfterDays }),
  };
}

export type ProfilePatch = ReturnType<typeof patchOf>;

function changed<Settings extends object>(before: Settings, after: Settings): Partial<Settings> {
  const names = Object.keys(after) as (keyof Settings)[];
  const different = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return Object.fromEntries(different.map((name) => [name, after[name]])) as Partial<Settings>;
}

function inSeconds(ms: number | null): number | string {
  return ms === null ? "" : ms / 1_000;
}

function inMs(seconds: number | string): number | null {
  return seconds === "" ? null : Math.round(Number(seconds) * 1_000);
}
