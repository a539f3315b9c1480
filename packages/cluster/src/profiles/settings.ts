import { defaultServiceProtection, type ServiceProtection } from "@postern/protocol";

/** What a profile gives its agents. */
export interface ProfileSettings {
  readonly serviceProtection: ServiceProtection;
}

/** A change of some settings; what it does not name stays (RFC 7396). */
export interface SettingsPatch {
  readonly serviceProtection?: Partial<ServiceProtection>;
}

export function applyPatch(settings: ProfileSettings, patch: SettingsPatch): ProfileSettings {
  return { serviceProtection: { ...settings.serviceProtection, ...patch.serviceProtection } };
}

/** Settings as they are stored. What an older version did not know has its default. */
export function readSettings(stored: string): ProfileSettings {
  return applyPatch({ serviceProtection: defaultServiceProtection }, JSON.parse(stored) as SettingsPatch);
}

export function writeSettings(settings: ProfileSettings): string {
  return JSON.stringify(settings);
}
