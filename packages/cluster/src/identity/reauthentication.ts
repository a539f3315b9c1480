import type { UnixMs } from "../clock.ts";
import { Problem } from "../http/problems.ts";
import { identityLimits } from "./limits.ts";
import type { Principal } from "./principal.ts";

/**
 * Before something as wide as a token for a tenant or the cluster: a person must have given the password in the last 15
 * minutes, so that an unlocked screen is not enough. An API key was made for unattended use and cannot answer; who may
 * hold one with such a role was decided when it was made.
 *
 * @throws {Problem} reauthentication_required
 */
export function requireRecentPassword(principal: Principal, now: UnixMs): void {
  if (principal.kind === "api_key") return;
  const givenAt = principal.passwordGivenAt;
  if (givenAt === null || now < givenAt || now - givenAt > identityLimits.passwordFreshMs) {
    throw new Problem(
      "reauthentication_required",
      principal.hasPassword ? undefined : "Confirm your log-in in the browser, at /oidc/login?again=true.",
    );
  }
}
