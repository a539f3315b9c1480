import { isLoopback } from "../http/plain-http.ts";
import type { Settings } from "./settings.ts";

/** The identity provider that people log in by (OpenID Connect). */
export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecretFile: string;
  /** JSON: which roles the values of the claim have here. */
  readonly roleMapFile: string;
  /** The claim whose values the map has; dots lead into objects. */
  readonly roleClaim: string;
  readonly scope: string;
  /** The origin to which browsers come back from the provider. */
  readonly publicUrl: string;
}

const names = ["oidcIssuer", "oidcClientId", "oidcClientSecretFile", "oidcRoleMap"] as const;

/**
 * @returns null when no identity provider is given
 * @throws {ConfigError} something about it is missing, or the provider would be reached in the clear
 */
export function oidcOf(settings: Settings, publicUrl: string | null): OidcConfig | null {
  const [issuer = null, clientId = null, clientSecretFile = null, roleMapFile = null] = names.map(settings.value);
  const given = names.find((name) => settings.value(name) !== null);
  if (given === undefined) return null;
  if (issuer === null) throw missing(settings, "oidcIssuer");
  if (clientId === null) throw missing(settings, "oidcClientId");
  if (clientSecretFile === null) throw missing(settings, "oidcClientSecretFile");
  if (roleMapFile === null) throw missing(settings, "oidcRoleMap");
  if (publicUrl === null) {
    throw settings.error(
      "oidcIssuer",
      "needs to know where the provider sends people back to",
      "Give this cluster's address in POSTERN_PUBLIC_URL, like https://postern.example.com.",
    );
  }
  const url = URL.parse(issuer);
  if (url === null || url.search !== "" || url.hash !== "" || url.username !== "") {
    throw settings.error(
      "oidcIssuer",
      `is "${issuer}"`,
      "Write the provider's issuer, like https://login.example.com.",
    );
  }
  const isLocal = url.protocol === "http:" && isLoopback(url.hostname.replaceAll(/[[\]]/g, ""));
  if (url.protocol !== "https:" && !isLocal) {
    throw settings.error("oidcIssuer", `is "${issuer}", which leads through the clear`, "Use an https address.");
  }
  const scope = settings.value("oidcScope") ?? "openid profile email";
  if (!scope.split(" ").includes("openid")) {
    throw settings.error(
      "oidcScope",
      `is "${scope}", without "openid"`,
      'Write scopes with blanks between, "openid" among them.',
    );
  }
  const roleClaim = settings.value("oidcRoleClaim") ?? "groups";
  return { issuer, clientId, clientSecretFile, roleMapFile, roleClaim, scope, publicUrl };
}

function missing(settings: Settings, name: (typeof names)[number]) {
  return settings.error(name, "is missing, and logging in by an identity provider needs it", "See docs/people.md.");
}
