import type { DesiredConfig, ServiceProtection } from "@postern/protocol";
import type { Drift } from "../ports.ts";
import type { TrustedTime } from "./trusted-time.ts";
import type { FailedUpdate, ReplacementGrant } from "./update.ts";

/** What the protection of this agent is. `sinceMs` is trusted time, unix ms. */
export type Protection =
  | { readonly state: "off" | "on"; readonly sinceMs: number }
  | { readonly state: "lifted"; readonly sinceMs: number; readonly jti: string };

/** A token that was accepted here, and what is left of the one lift that it allows, ms of interrupt time. */
export interface UsedToken {
  readonly jti: string;
  /** Unix seconds. */
  readonly exp: number;
  readonly leftMs: number;
}

/** What a local user can cause at will, and which is therefore journaled within bounds. */
export const boundedKinds = ["verifiedRefusals", "unverifiedRefusals", "serviceLife"] as const;
export type BoundedKind = (typeof boundedKinds)[number];

/** Values of a journal entry's data. */
export type EntryData = Readonly<Record<string, string | number | boolean>>;

/** How many entries of a bounded kind may still be written, and what was not written one by one. */
export interface Quota {
  /** Interrupt time saved up, ms; an entry costs `quotaRefillMs`. */
  readonly creditMs: number;
  readonly unrecorded: number;
  readonly last?: { readonly kind: string; readonly data: EntryData };
}

/** Something that was found changed: when that was last journaled (interrupt time), and what was not since. */
export interface DriftSeen {
  readonly atMs: number;
  readonly unrecorded: number;
  readonly last: Drift;
}

/** The part of a desired config that is about the agent itself. */
export type Upkeep = Omit<DesiredConfig, "serviceProtection">;

/** What outlives the process. Kept in one file, so that it is of one moment. */
export interface PersistedState {
  /** Rises with each service process: see `docs/decisions/boot-is-a-rising-number.md`. */
  readonly boot: number;
  /** Unix ms: the newest signed evidence plus running time since, and the highest trusted time. */
  readonly time: { readonly floorMs: number; readonly seenMs: number };
  readonly protection: Protection;
  readonly usedTokens: readonly UsedToken[];
  /** Ids of revoked tokens; the newest last. */
  readonly revoked: readonly string[];
  /** What the applied config says, and its revision. */
  readonly profile: ServiceProtection;
  /** What it says beside that: addresses of the cluster, the version that is wanted, packages of it. */
  readonly upkeep?: Upkeep;
  readonly rev: number;
  readonly refusedConfig?: { readonly rev: number; readonly code: string };
  /** The newest trust bundle, as it was signed. */
  readonly bundle: string;
  readonly quotas: Readonly<Record<BoundedKind, Quota>>;
  /** The replacement of this agent that is under way. */
  readonly grant?: ReplacementGrant;
  readonly failedUpdate?: FailedUpdate;
}

/** The outstanding challenge, and the reading of interrupt time when it was made. */
export interface Challenge {
  readonly text: string;
  readonly issuedAtMs: number;
}

/** The whole state of the core: what is persisted, and what a service process knows beside it. */
export interface AgentState extends Omit<PersistedState, "time"> {
  readonly time: TrustedTime;
  /** Lifted since before this process: cluster reached means re-arm. */
  readonly liftCarried: boolean;
  readonly challenge?: Challenge;
  /** By layer, and service in it. Not persisted: who restarts the service may be told of twice. */
  readonly driftsSeen: Readonly<Record<string, DriftSeen>>;
  /** What was journaled of services that are left alone; for the life of the process. */
  readonly leftAloneTold: readonly string[];
}

/** What of the state outlives the process. */
export function persistedOf(state: AgentState): PersistedState {
  const { time, liftCarried: _, challenge: __, driftsSeen: ___, leftAloneTold: ____, ...rest } = state;
  return { ...rest, time: { floorMs: time.floorMs, seenMs: time.seenMs } };
}

/** What is left of the present lift, ms; 0 unless lifted. */
export function liftLeftMs(state: Pick<PersistedState, "protection" | "usedTokens">): number {
  const { protection } = state;
  if (protection.state !== "lifted") return 0;
  return state.usedTokens.find((used) => used.jti === protection.jti)?.leftMs ?? 0;
}
