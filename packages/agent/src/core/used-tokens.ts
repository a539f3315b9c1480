import { maxUsedTokens, rememberUsedSeconds } from "../limits.ts";
import type { PersistedState, UsedToken } from "./state.ts";

type Memory = Pick<PersistedState, "usedTokens" | "protection">;

export function findUsed(memory: Pick<PersistedState, "usedTokens">, jti: string): UsedToken | undefined {
  return memory.usedTokens.find((used) => used.jti === jti);
}

/** Adds a token, or replaces what is known of it. */
export function rememberUsed(usedTokens: readonly UsedToken[], token: UsedToken): UsedToken[] {
  const others = usedTokens.filter((used) => used.jti !== token.jti);
  // Dropping the one that expires first: whoever can have this many tokens made can have one more made.
  if (others.length >= maxUsedTokens) {
    others.sort((a, b) => a.exp - b.exp).shift();
  }
  return [...others, token];
}

/**
 * Forgets tokens a day past their expiry, the present lift's excepted.
 *
 * By `floorMs`, never by trusted time: the latter follows a clock that is set forward, and a token forgotten early
 * could be used again once the clock is set back.
 */
export function forgetOld(memory: Memory, floorMs: number): readonly UsedToken[] {
  const { protection } = memory;
  const active = protection.state === "lifted" ? protection.jti : undefined;
  const kept = memory.usedTokens.filter(
    (used) => used.jti === active || (used.exp + rememberUsedSeconds) * 1000 >= floorMs,
  );
  return kept.length === memory.usedTokens.length ? memory.usedTokens : kept;
}
