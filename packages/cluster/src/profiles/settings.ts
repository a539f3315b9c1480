import { type DesiredConfig, defaultServiceProtection } from "@postern/protocol";
import { Problem } from "../http/problems.ts";
import { profileLimits } from "./limits.ts";

/** What a profile gives its agents. */
export interface ProfileSettings {
  readonly serviceProtection: ServiceProtectionSettings;
  readonly checkIn: CheckInSettings;
  /** The version that its agents should be of; null: the one that each has. */
  readonly desiredVersion: string | null;
  /** After so many days of silence an agent is deleted; null: never. */
  readonly cleanUpAfterDays: number | null;
}

export interface ServiceProtectionSettings {
  readonly on: boolean;
  /** Windows services of other vendors that its agents guard, too. */
  readonly services: readonly string[];
  /** The longest budget of a lift. */
  readonly liftSeconds: number;
  readonly singleUse: boolean;
  readonly requireChallenge: boolean;
}

/** How its agents check in; null: as is usual in this cluster. */
export interface CheckInSettings {
  /** How long a check-in is held when there is nothing to tell; 0: not at all. */
  readonly holdMs: number | null;
  /** How long an agent waits after an answer. */
  readonly afterMs: number | null;
}

/** A change of some settings; what it does not name stays, and null is the default (RFC 7396). */
export interface SettingsPatch {
  readonly serviceProtection?: Partial<ServiceProtectionSettings>;
  readonly checkIn?: Partial<CheckInSettings>;
  readonly desiredVersion?: string | null;
  readonly cleanUpAfterDays?: number | null;
}

const { on, liftSeconds, singleUse, requireChallenge } = defaultServiceProtection;

/** Of a new profile; and, of what a profile from an older version of the cluster does not say. */
export const defaultSettings: ProfileSettings = {
  serviceProtection: { on, services: [], liftSeconds, singleUse, requireChallenge },
  checkIn: { holdMs: null, afterMs: null },
  desiredVersion: null,
  cleanUpAfterDays: null,
};

export function applyPatch(settings: ProfileSettings, patch: SettingsPatch): ProfileSettings {
  const { desiredVersion = settings.desiredVersion, cleanUpAfterDays = settings.cleanUpAfterDays } = patch;
  return {
    serviceProtection: { ...settings.serviceProtection, ...patch.serviceProtection },
    checkIn: { ...settings.checkIn, ...patch.checkIn },
    desiredVersion,
    cleanUpAfterDays,
  };
}

/**
 * Refuses settings that are each well formed, and wrong together.
 *
 * @throws {Problem} validation_failed
 */
export function requireSensible({ serviceProtection, checkIn }: ProfileSettings): void {
  const { services } = serviceProtection;
  // Windows tells services apart whatever their case.
  const seen = new Set(services.map((name) => name.toLowerCase()));
  if (seen.size < services.length) {
    refuse("/serviceProtection/services", "repeated", "A service is named twice; capitals make no difference.");
  }
  const { holdMs, afterMs } = checkIn;
  if (holdMs === null || (holdMs === 0 && afterMs === null)) return;
  if (holdMs + (afterMs ?? 0) >= profileLimits.minBetweenMs) return;
  const detail = `holdMs and afterMs are together at least ${profileLimits.minBetweenMs}: agents must not check in without pause.`;
  refuse("/checkIn/afterMs", "too_small", detail);
}

/** What of these settings an agent is told. */
export function desiredConfigOf({ serviceProtection, desiredVersion }: ProfileSettings): DesiredConfig {
  const { services, ...protection } = serviceProtection;
  return {
    serviceProtection: { ...protection, ...(services.length > 0 && { services: [...services] }) },
    ...(desiredVersion !== null && { desiredVersion }),
  };
}

/** Settings as they are stored. What an older version did not know has its default. */
export function readSettings(stored: string): ProfileSettings {
  const known = lastRead.get(stored);
  if (known !== undefined) return known;
  const settings = applyPatch(defaultSettings, JSON.parse(stored) as SettingsPatch);
  if (lastRead.size >= profileLimits.maxSettingsKeptRead) lastRead.clear();
  lastRead.set(stored, settings);
  return settings;
}

/** Thousands of agents have few profiles: the same text gives the same settings. */
const lastRead = new Map<string, ProfileSettings>();

export function writeSettings(settings: ProfileSettings): string {
  return JSON.stringify(settings);
}

function refuse(pointer: string, code: string, detail: string): never {
  throw new Problem("validation_failed", undefined, { errors: [{ pointer, code, detail }] });
}
