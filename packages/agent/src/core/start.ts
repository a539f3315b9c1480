import {
  type AgentConfigClaims,
  defaultServiceProtection,
  type JournalEntry,
  type ServiceProtection,
} from "@postern/protocol";
import { tokenLifetimeSeconds } from "@postern/token";
import { startChargeMs } from "../limits.ts";
import { freshQuotas, recordBounded } from "./bounded-entries.ts";
import { type Changed, type Effect, inOrder } from "./effects.ts";
import { applyConfig, useLift } from "./protection.ts";
import type { AgentState, EntryData, PersistedState, UsedToken } from "./state.ts";
import { type Readings, setTime, startTime } from "./trusted-time.ts";
import { startWithGrant } from "./update.ts";
import { forgetOld, rememberUsed } from "./used-tokens.ts";

/** What a service process knows when it starts. */
export interface StartContext {
  readonly supported: boolean;
  readonly readings: Readings;
  readonly builtAtMs: number;
  readonly agentVersion: string;
  readonly journalFull: boolean;
  /** The state file could not be read, and {@link recoveredState} stands in for it. */
  readonly stateLost?: boolean;
  /** The journal could not be read, and a new one was begun. */
  readonly journalLost?: boolean;
}

/** The state of an agent that has just enrolled, before its first config is applied. */
export function enrolledState(enrolment: {
  readonly bundle: string;
  readonly iat: number;
  /** Carried over when the machine enrols anew: its clock and what was used here stay known. */
  readonly previous?: PersistedState | undefined;
}): PersistedState {
  const { previous } = enrolment;
  const iatMs = enrolment.iat * 1000;
  return {
    boot: previous?.boot ?? 0,
    time: { floorMs: iatMs, seenMs: iatMs },
    protection: { state: "off", sinceMs: iatMs },
    usedTokens: previous?.usedTokens ?? [],
    revoked: [],
    profile: defaultServiceProtection,
    rev: 0,
    bundle: enrolment.bundle,
    quotas: previous?.quotas ?? freshQuotas,
  };
}

/**
 * What stands in for a state that cannot be read: protection is on, and what the trust anchor and the journal still
 * know is taken from them. Tokens that the journal knows as used have had their lift.
 */
export function recoveredState(
  anchor: { readonly bundle: string; readonly enrolledAt: number },
  entries: readonly JournalEntry[],
): PersistedState {
  const enrolledMs = anchor.enrolledAt * 1000;
  const seenMs = entries.reduce((latest, entry) => Math.max(latest, entry.trustedAt), enrolledMs);
  const profile: ServiceProtection = { ...defaultServiceProtection, on: true };
  return {
    boot: 0,
    time: { floorMs: enrolledMs, seenMs },
    protection: { state: "on", sinceMs: seenMs },
    usedTokens: entries.reduce<readonly UsedToken[]>(rememberFromJournal, []),
    revoked: [],
    profile,
    rev: 0,
    bundle: anchor.bundle,
    quotas: freshQuotas,
  };
}

/**
 * Starts a service process on what was persisted: charges the lift, settles trusted time, and sets the guard to the
 * state. A lift is now a carried one: reaching the cluster ends it.
 */
export function begin(persisted: PersistedState, context: StartContext): Changed {
  const time = startTime(persisted.time, context.readings, context.builtAtMs);
  const boot = Math.max(persisted.boot + 1, time.trustedMs);
  const loaded: AgentState = {
    ...persisted,
    time,
    boot,
    usedTokens: forgetOld(persisted, time.floorMs),
    // Data of another machine: where nothing is protected, nothing is on.
    protection: context.supported ? persisted.protection : { state: "off", sinceMs: persisted.protection.sinceMs },
    driftsSeen: {},
    leftAloneTold: [],
    liftCarried: context.supported && persisted.protection.state === "lifted",
  };
  const data: EntryData = {
    version: context.agentVersion,
    ...(context.stateLost ? { stateLost: true } : {}),
    ...(context.journalLost ? { journalLost: true } : {}),
  };
  const granted = startWithGrant(loaded, context.agentVersion);
  // An update of our own is no restart: it must not cut maintenance short.
  const carried = granted.isOwnStart ? { ...granted.state, liftCarried: false } : granted.state;
  const recorded = recordBounded(carried, "serviceLife", { kind: "service_started", data }, context.journalFull);
  const charged = useLift(recorded.state, startChargeMs);
  const guard: Effect[] = context.supported
    ? [{ type: charged.state.protection.state === "on" ? "arm" : "disarm" }]
    : [];
  return {
    state: charged.state,
    effects: inOrder([...recorded.effects, ...granted.effects, ...charged.effects, { type: "persist" }, ...guard]),
  };
}

/** The first step of an agent that has just enrolled: the answer was made at second `iat`, at most `ageMs` ago. */
export function beginEnrolled(
  persisted: PersistedState,
  answer: { readonly iat: number; readonly ageMs: number; readonly config: AgentConfigClaims },
  context: StartContext,
): Changed {
  const started = begin(persisted, context);
  const timed = { ...started.state, time: setTime(started.state.time, answer.iat, answer.ageMs) };
  const applied = applyConfig(timed, answer.config, context.supported);
  return {
    state: applied.state,
    effects: inOrder([
      { type: "journal", kind: "enrolled", data: { rev: answer.config.rev } },
      ...started.effects.filter((effect) => effect.type !== "journal"),
      ...applied.effects,
    ]),
  };
}

function rememberFromJournal(usedTokens: readonly UsedToken[], entry: JournalEntry): readonly UsedToken[] {
  const jti = entry.data["jti"];
  if ((entry.kind !== "redeemed" && entry.kind !== "resumed") || typeof jti !== "string") return usedTokens;
  // The journal does not say when it expires: at the latest a token's life after it was accepted, and the skew.
  const exp = Math.ceil(entry.trustedAt / 1000) + 2 * tokenLifetimeSeconds;
  return rememberUsed(usedTokens, { jti, exp, leftMs: 0 });
}
