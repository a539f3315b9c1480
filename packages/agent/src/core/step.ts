import type { AgentContext } from "@postern/token";
import { maxRevokedKept } from "../limits.ts";
import type { Drift, OtherService } from "../ports.ts";
import { recordBounded, refillQuotas } from "./bounded-entries.ts";
import { recordDrifts, settleDrifts } from "./drift.ts";
import { type Changed, type Effect, inOrder } from "./effects.ts";
import { recordLeftAlone } from "./other-services.ts";
import { applyConfig, rearm, refuseConfig, useLift } from "./protection.ts";
import type { ReceivedAnswer } from "./receive-answer.ts";
import { type Redemption, redeem } from "./redeem.ts";
import type { AgentState, EntryData } from "./state.ts";
import { advanceTime, setTime } from "./trusted-time.ts";
import {
  answerInstaller,
  failUpdate,
  finishReplacement,
  grantReplacement,
  type NamedPackage,
  refusePackage,
  settleGrant,
  type UpdateOutcome,
} from "./update.ts";
import { forgetOld } from "./used-tokens.ts";

/** What can happen to a running agent. */
export type AgentEvent =
  /** Time has passed. The service sends it often enough for the budget, and persists after it. */
  | { readonly type: "tick" }
  | { readonly type: "redeem"; readonly token: string }
  | { readonly type: "protect" }
  /** Somebody wants a challenge; `text` is a fresh one. */
  | { readonly type: "challenge"; readonly text: string }
  /** The cluster was reached; `ageMs` ago at most, in interrupt time, the answer was made. */
  | { readonly type: "answered"; readonly received: ReceivedAnswer; readonly ageMs: number }
  /** The guard was looked after; these layers had been changed and were set back where that was possible. */
  | { readonly type: "drifted"; readonly drifts: readonly Drift[] }
  /** The guard has brought other services to where they belong; these are what became of them. */
  | { readonly type: "othersSettled"; readonly services: readonly OtherService[] }
  /** Another program holds the name of our pipe. */
  | { readonly type: "pipeTaken" }
  /** A checked copy of a package lies ready to replace this agent, which is of version `running`. */
  | { readonly type: "replacementReady"; readonly package: NamedPackage; readonly running: string }
  /** The installer asks whether it may go on; `isGranted`: with the very copy that was granted. */
  | { readonly type: "installerAsks"; readonly isGranted: boolean }
  /** The installer has done all that it had to. */
  | { readonly type: "installerDone" }
  | { readonly type: "updateFailed"; readonly package: NamedPackage; readonly code: string }
  /** Somebody on this machine had a package that may not replace this agent. */
  | { readonly type: "packageRefused"; readonly data: EntryData }
  | { readonly type: "stopping"; readonly reason: string };

export interface StepContext {
  /** Of the clock's two readings only this one counts while the process runs. */
  readonly interruptMs: number;
  /** Whether service protection exists on this platform. */
  readonly supported: boolean;
  readonly trust: AgentContext;
  /** Entries that a local user can cause are counted instead of written. */
  readonly journalFull: boolean;
}

/** What the asking side is told. */
export type Outcome =
  | Redemption
  | { readonly protect: "on" | "already_on" | "not_protected" }
  | { readonly challenge: string }
  | UpdateOutcome
  | undefined;

/**
 * The agent's whole behaviour: from a state and an event to the next state and what has to be done for it.
 *
 * Pure. The next state counts once its effects are done, in their order; a caller who cannot do them keeps the old one.
 */
export function step(
  state: AgentState,
  event: AgentEvent,
  context: StepContext,
): Changed & { readonly outcome: Outcome } {
  const passed = pass(state, context);
  const { outcome, ...changed } = react(passed.state, event, context);
  return { state: changed.state, effects: inOrder([...passed.effects, ...changed.effects]), outcome };
}

/**
 * The state at `interruptMs`, as a look at it needs it (`-status`, `-explain`): nothing of it is to be kept. Undefined
 * when a lift has ended since: then time has to be let pass first, or the look would tell of a guard that is not there.
 */
export function stateAt(state: AgentState, context: StepContext): AgentState | undefined {
  const passed = pass(state, context);
  return passed.effects.some((effect) => effect.type === "arm") ? undefined : passed.state;
}

/** Lets time pass: trusted time, the lift's budget, the quotas, what may be forgotten. */
function pass(state: AgentState, { interruptMs, journalFull }: StepContext): Changed {
  const time = advanceTime(state.time, interruptMs);
  const elapsedMs = time.interruptMs - state.time.interruptMs;
  const lift = useLift({ ...state, time }, elapsedMs);
  const quotas = refillQuotas(lift.state, elapsedMs, journalFull);
  const drifts = settleDrifts(quotas.state, journalFull);
  const grant = settleGrant(drifts.state);
  return {
    state: { ...grant.state, usedTokens: forgetOld(grant.state, time.floorMs) },
    effects: [...lift.effects, ...quotas.effects, ...drifts.effects, ...grant.effects],
  };
}

function react(state: AgentState, event: AgentEvent, context: StepContext): Changed & { readonly outcome: Outcome } {
  switch (event.type) {
    case "tick":
      return { state, effects: [{ type: "persist" }], outcome: undefined };
    case "redeem":
      return redeem(state, event.token, context.trust, context.journalFull);
    case "protect":
      return protect(state);
    case "challenge":
      return {
        state: { ...state, challenge: { text: event.text, issuedAtMs: state.time.interruptMs } },
        effects: [],
        outcome: { challenge: event.text },
      };
    case "answered":
      return { ...reached(state, event.received, event.ageMs, context.supported), outcome: undefined };
    case "drifted":
      return { ...recordDrifts(state, event.drifts, context.journalFull), outcome: undefined };
    case "othersSettled":
      return { ...recordLeftAlone(state, event.services, context.journalFull), outcome: undefined };
    case "pipeTaken": {
      const recorded = recordBounded(state, "serviceLife", { kind: "pipe_taken", data: {} }, context.journalFull);
      return { state: recorded.state, effects: [...recorded.effects, { type: "checkIn" }], outcome: undefined };
    }
    case "replacementReady":
      return grantReplacement(state, event.package, event.running, context.supported);
    case "installerAsks":
      return answerInstaller(state, event.isGranted);
    case "installerDone":
      return { ...finishReplacement(state), outcome: undefined };
    case "updateFailed":
      return { ...failUpdate(state, event.package, event.code), outcome: undefined };
    case "packageRefused":
      return { ...refusePackage(state, event.data, context.journalFull), outcome: undefined };
    case "stopping": {
      const entry = { kind: "service_stopping", data: { reason: event.reason } };
      const recorded = recordBounded(state, "serviceLife", entry, context.journalFull);
      return { state: recorded.state, effects: [...recorded.effects, { type: "persist" }], outcome: undefined };
    }
  }
}

function protect(state: AgentState): Changed & { readonly outcome: Outcome } {
  switch (state.protection.state) {
    case "off":
      return { state, effects: [], outcome: { protect: "not_protected" } };
    case "on":
      return { state, effects: [], outcome: { protect: "already_on" } };
    case "lifted":
      return { ...rearm(state, "command"), outcome: { protect: "on" } };
  }
}

/**
 * A valid answer: sets the time, learns revocations, applies the config, and re-arms when this process was started
 * during the lift. One that was not restarted stays lifted: maintenance must not be cut short by the next check-in.
 */
function reached(state: AgentState, received: ReceivedAnswer, ageMs: number, supported: boolean): Changed {
  const { answer, config } = received;
  const timed: AgentState = {
    ...state,
    time: setTime(state.time, answer.iat, ageMs),
    revoked: withRevoked(state.revoked, answer.revoked),
    bundle: answer.bundle ?? state.bundle,
  };
  const configured = !config
    ? { state: timed, effects: [] }
    : "claims" in config
      ? applyConfig(timed, config.claims, supported)
      : refuseConfig(timed, config.refused);
  const rearmed = configured.state.liftCarried
    ? rearm(configured.state, "restarted_and_reached")
    : { state: configured.state, effects: [] };
  const learned: Effect[] = worthPersisting(state, rearmed.state) ? [{ type: "persist" }] : [];
  return { state: rearmed.state, effects: [...configured.effects, ...rearmed.effects, ...learned] };
}

function withRevoked(known: readonly string[], revoked: readonly string[]): readonly string[] {
  if (revoked.every((jti) => known.includes(jti))) return known;
  return [...known.filter((jti) => !revoked.includes(jti)), ...revoked].slice(-maxRevokedKept);
}

/** Time alone is persisted by the tick; a jump of it, and everything else, at once. */
function worthPersisting(before: AgentState, after: AgentState): boolean {
  return (
    after.revoked !== before.revoked ||
    after.bundle !== before.bundle ||
    after.time.clockTrusted !== before.time.clockTrusted ||
    Math.abs(after.time.trustedMs - before.time.trustedMs) > 1000
  );
}
