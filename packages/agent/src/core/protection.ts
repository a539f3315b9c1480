import type { AgentConfigClaims } from "@postern/protocol";
import type { Changed, Effect } from "./effects.ts";
import { sameServices } from "./other-services.ts";
import { type AgentState, liftLeftMs, type Protection } from "./state.ts";
import { raiseTime } from "./trusted-time.ts";
import { findUsed, rememberUsed } from "./used-tokens.ts";

/** Why protection came back. */
export type RearmCause = "command" | "budget_spent" | "restarted_and_reached";

/**
 * Ends the present lift: protection is on again.
 *
 * What is left of the lift stays with its token, which may resume it until it expires, except when somebody said that
 * he is done (`-protect`): that spends it.
 */
export function rearm(state: AgentState, cause: RearmCause): Changed {
  const { protection } = state;
  if (protection.state !== "lifted") return { state, effects: [] };
  const leftMs = Math.max(0, liftLeftMs(state));
  const used = findUsed(state, protection.jti);
  const usedTokens =
    cause === "command" && used ? rememberUsed(state.usedTokens, { ...used, leftMs: 0 }) : state.usedTokens;
  return {
    state: { ...state, usedTokens, liftCarried: false, protection: to("on", state) },
    effects: [
      { type: "journal", kind: "rearmed", data: { cause, jti: protection.jti, leftSeconds: toSeconds(leftMs) } },
      { type: "persist" },
      { type: "arm" },
      { type: "checkIn" },
    ],
  };
}

/** Lets a running lift use up the interrupt time that passed, and ends it when nothing is left. */
export function useLift(state: AgentState, elapsedMs: number): Changed {
  const { protection } = state;
  if (protection.state !== "lifted") return { state, effects: [] };
  const used = findUsed(state, protection.jti);
  const leftMs = Math.max(0, (used?.leftMs ?? 0) - Math.max(0, elapsedMs));
  const usedTokens = used ? rememberUsed(state.usedTokens, { ...used, leftMs }) : state.usedTokens;
  const next = { ...state, usedTokens };
  return leftMs > 0 ? { state: next, effects: [] } : rearm(next, "budget_spent");
}

/**
 * Applies a verified desired config. Only here does protection go on for the first time, or off: a signed config is
 * the only way in which a user's edit reaches an agent. A running lift is left alone while protection stays wanted.
 */
export function applyConfig(state: AgentState, config: AgentConfigClaims, supported: boolean): Changed {
  const raised = { ...state, time: raiseTime(state.time, config.iat) };
  if (config.rev < state.rev) return { state: raised, effects: [] };
  const { refusedConfig: _, ...accepted } = raised;
  const { serviceProtection: profile, ...upkeep } = config.cfg;
  const next: AgentState = { ...accepted, profile, upkeep, rev: config.rev };
  const told: Effect[] = config.rev > state.rev ? [{ type: "persist" }, { type: "checkIn" }] : [];
  const wanted = profile.on && supported;
  const { protection } = state;

  if (wanted && protection.state === "off") {
    return {
      state: { ...next, protection: to("on", raised) },
      effects: [
        { type: "journal", kind: "protection_on", data: { rev: config.rev } },
        { type: "persist" },
        { type: "arm" },
        { type: "checkIn" },
      ],
    };
  }
  if (!wanted && protection.state !== "off") {
    const jti = protection.state === "lifted" ? { jti: protection.jti } : {};
    return {
      state: { ...next, liftCarried: false, protection: to("off", raised) },
      effects: [
        { type: "journal", kind: "protection_off", data: { rev: config.rev, ...jti } },
        { type: "persist" },
        { type: "disarm" },
        { type: "checkIn" },
      ],
    };
  }
  // While lifted there is nothing to guard: those that are listed then are guarded with the rest.
  const guard: Effect[] =
    protection.state === "on" && !sameServices(state.profile.services, profile.services) ? [{ type: "arm" }] : [];
  return { state: next, effects: [...told, ...guard] };
}

/** Remembers that a config was refused; protection stays as it is. Journaled once for each revision and code. */
export function refuseConfig(state: AgentState, refused: { readonly rev: number; readonly code: string }): Changed {
  if (state.refusedConfig?.rev === refused.rev && state.refusedConfig.code === refused.code) {
    return { state, effects: [] };
  }
  return {
    state: { ...state, refusedConfig: refused },
    effects: [
      { type: "journal", kind: "config_refused", data: { rev: refused.rev, code: refused.code } },
      { type: "persist" },
      { type: "checkIn" },
    ],
  };
}

/** What is left of a lift as people count it: whole seconds, none of them promised twice. */
export function toSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

function to(wanted: "on" | "off", state: AgentState): Protection {
  return { state: wanted, sinceMs: state.time.trustedMs };
}
