import type { AgentPackage } from "@postern/protocol";
import { grantMs, updateRetryCapMs, updateRetryMs } from "../limits.ts";
import { recordBounded } from "./bounded-entries.ts";
import type { Changed, Effect } from "./effects.ts";
import type { AgentState, EntryData } from "./state.ts";

/**
 * Permission for one replacement of this agent by one package, which the signed config lists. It outlives the process
 * that is replaced, ends with the first start that is not its own, and no later than `grantMs` of interrupt time after
 * it was given. One that cannot be read is none.
 */
export interface ReplacementGrant {
  readonly version: string;
  readonly sha256: string;
  /** The version that is replaced. */
  readonly from: string;
  /** Reading of interrupt time when it was given. */
  readonly issuedAtMs: number;
  /** The installer has come to the replacement itself: the service manager may stop the service. */
  readonly open: boolean;
  /** The new version has started. */
  readonly started: boolean;
}

/** A package that could not be installed: not to be tried again before `untilMs`, trusted time. */
export interface FailedUpdate {
  readonly sha256: string;
  readonly times: number;
  readonly untilMs: number;
  readonly code: string;
}

/** A package as grants and journal name it. */
export type NamedPackage = Pick<AgentPackage, "version" | "sha256">;

/** Why a package does not replace this agent. */
export type PackageRefusal = "package_not_listed" | "package_not_newer" | "update_under_way" | "unsupported";

/** What an update came to. */
export type UpdateOutcome =
  | { readonly grant: "given" | PackageRefusal }
  | { readonly installer: "go_on" | "service_protected" };

/** What the applied config wants of this agent's version. */
export type WantedUpdate =
  | { readonly is: "none" }
  | { readonly is: "package"; readonly package: AgentPackage }
  /** It wants one, and that cannot be. */
  | { readonly is: "not_offered" | "lower"; readonly version: string }
  | { readonly is: "failed"; readonly package: AgentPackage; readonly failed: FailedUpdate };

export function wantedUpdate(state: AgentState, running: string): WantedUpdate {
  const { desiredVersion: version, packages = [] } = state.upkeep ?? {};
  if (version === undefined || version === running) return { is: "none" };
  if (compareVersions(version, running) < 0) return { is: "lower", version };
  const offered = packages.find((one) => one.version === version);
  if (offered === undefined) return { is: "not_offered", version };
  const { failedUpdate: failed } = state;
  if (failed?.sha256 === offered.sha256 && state.time.trustedMs < failed.untilMs)
    return { is: "failed", package: offered, failed };
  return { is: "package", package: offered };
}

/** The listed package of this digest, if it may replace this version. */
export function listedPackage(state: AgentState, sha256: string, running: string): AgentPackage | PackageRefusal {
  const listed = state.upkeep?.packages?.find((one) => one.sha256 === sha256);
  if (listed === undefined) return "package_not_listed";
  // What is of the same version is installed already, or is not what that version's number says.
  return compareVersions(listed.version, running) > 0 ? listed : "package_not_newer";
}

/** Negative, 0 or positive as `one` is lower than, the same as or higher than `other`: three numbers each. */
export function compareVersions(one: string, other: string): number {
  const others = other.split(".").map(Number);
  const differences = one.split(".").map((part, at) => Number(part) - (others[at] ?? 0));
  return differences.find((difference) => difference !== 0) ?? 0;
}

/** The grant, while it is one. */
export function grantInForce(state: Pick<AgentState, "grant" | "time">): ReplacementGrant | undefined {
  const { grant, time } = state;
  return grant && isInForce(grant, time.interruptMs) ? grant : undefined;
}

/** Whether the guard leaves the way open on which the installer stops the service. */
export function isOpenForInstaller(state: Pick<AgentState, "grant" | "time">): boolean {
  return grantInForce(state)?.open === true;
}

/** A checked copy of the package lies ready: gives the permission to install it, or says why not. */
export function grantReplacement(
  state: AgentState,
  wanted: NamedPackage,
  running: string,
  supported: boolean,
): Changed & { readonly outcome: UpdateOutcome } {
  const refused = (grant: PackageRefusal) => ({ state, effects: [], outcome: { grant } });
  if (!supported) return refused("unsupported");
  if (grantInForce(state)) return refused("update_under_way");
  const listed = listedPackage(state, wanted.sha256, running);
  if (typeof listed === "string") return refused(listed);
  const { version, sha256 } = listed;
  const grant: ReplacementGrant = {
    version,
    sha256,
    from: running,
    issuedAtMs: state.time.interruptMs,
    open: false,
    started: false,
  };
  return {
    state: { ...state, grant },
    effects: [
      { type: "journal", kind: "update_started", data: { version, from: running, sha256 } },
      { type: "persist" },
      { type: "checkIn" },
    ],
    outcome: { grant: "given" },
  };
}

/**
 * The installer asks whether it may stop, replace or remove the service. `isGranted`: it has told that it is the very
 * copy that was granted. Only then is the guard opened.
 */
export function answerInstaller(state: AgentState, isGranted: boolean): Changed & { readonly outcome: UpdateOutcome } {
  const grant = grantInForce(state);
  if (state.protection.state !== "on" || grant?.open) return { state, effects: [], outcome: { installer: "go_on" } };
  if (!grant || !isGranted) return { state, effects: [], outcome: { installer: "service_protected" } };
  return {
    state: { ...state, grant: { ...grant, open: true } },
    effects: [{ type: "persist" }, { type: "arm" }],
    outcome: { installer: "go_on" },
  };
}

/** The installer has finished: the guard closes. Before the new version has started there is nothing to finish. */
export function finishReplacement(state: AgentState): Changed {
  return state.grant?.started ? withoutGrant(state, []) : { state, effects: [] };
}

/** A package was not installed. It is tried again, later each time; a grant for it is over. */
export function failUpdate(state: AgentState, { version, sha256 }: NamedPackage, code: string): Changed {
  const before = state.failedUpdate?.sha256 === sha256 ? state.failedUpdate.times : 0;
  const waitMs = Math.min(updateRetryCapMs, updateRetryMs * 2 ** Math.min(before, 16));
  const failedUpdate = { sha256, times: before + 1, untilMs: state.time.trustedMs + waitMs, code };
  const failed: AgentState = { ...state, failedUpdate };
  const entry: Effect = { type: "journal", kind: "update_failed", data: { version, code, sha256 } };
  if (state.grant?.sha256 === sha256) return withoutGrant(failed, [entry]);
  return { state: failed, effects: [entry, { type: "persist" }, { type: "checkIn" }] };
}

/** A package that somebody on this machine wanted to install was refused; he can do that at will. */
export function refusePackage(state: AgentState, data: EntryData, journalFull: boolean): Changed {
  const recorded = recordBounded(state, "unverifiedRefusals", { kind: "update_refused", data }, journalFull);
  return {
    state: recorded.state,
    effects: recorded.effects.length > 0 ? [...recorded.effects, { type: "checkIn" }] : [],
  };
}

/** Ends a grant whose time is over, or whose package the config has withdrawn before anything was stopped for it. */
export function settleGrant(state: AgentState): Changed {
  const { grant } = state;
  if (!grant) return { state, effects: [] };
  if (!grantInForce(state)) return failUpdate(state, grant, "timed_out");
  const isListed = state.upkeep?.packages?.some((one) => one.sha256 === grant.sha256) === true;
  return grant.open || grant.started || isListed ? { state, effects: [] } : failUpdate(state, grant, "withdrawn");
}

/**
 * What the start of a service process makes of a grant: the first start of the version it was given for is no restart
 * (`isOwnStart`), and the guard stays open until the installer has finished; any other start ends it.
 */
export function startWithGrant(state: AgentState, running: string): Changed & { readonly isOwnStart: boolean } {
  const { grant } = state;
  if (!grant) return { state, effects: [], isOwnStart: false };
  const failed = (code: string) => ({ ...failUpdate(state, grant, code), isOwnStart: false });
  if (!grantInForce(state)) return failed("timed_out");
  if (grant.version !== running) return failed("rolled_back");
  if (grant.started) return failed("interrupted");
  const { failedUpdate: _, ...rest } = state;
  return {
    state: { ...rest, grant: { ...grant, started: true } },
    effects: [
      { type: "journal", kind: "updated", data: { version: running, from: grant.from } },
      { type: "persist" },
      { type: "checkIn" },
    ],
    isOwnStart: true,
  };
}

/** A reading before the grant's own is another boot's. */
function isInForce(grant: ReplacementGrant, interruptMs: number): boolean {
  return interruptMs >= grant.issuedAtMs && interruptMs - grant.issuedAtMs < grantMs;
}

function withoutGrant(state: AgentState, entries: readonly Effect[]): Changed {
  const { grant: _, ...rest } = state;
  const arm: Effect[] = state.protection.state === "on" ? [{ type: "arm" }] : [];
  return { state: rest, effects: [...entries, { type: "persist" }, ...arm, { type: "checkIn" }] };
}
