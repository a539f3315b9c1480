import { quotaBurst, quotaRefillMs } from "../limits.ts";
import type { Effect } from "./effects.ts";
import { type AgentState, type BoundedKind, boundedKinds, type EntryData, type Quota } from "./state.ts";

const fullCreditMs = quotaBurst * quotaRefillMs;

/** A quota of which nothing was used. */
export const freshQuota: Quota = { creditMs: fullCreditMs, unrecorded: 0 };

export const freshQuotas: Readonly<Record<BoundedKind, Quota>> = {
  verifiedRefusals: freshQuota,
  unverifiedRefusals: freshQuota,
  serviceLife: freshQuota,
};

/**
 * Journals what a local user can cause at will: a burst one by one, then one a minute that says how many more there
 * were. So a loop in a shell can neither fill the disk nor flood the cluster, and nothing passes unnoticed. The quotas
 * are apart, so that rubbish cannot hide the refusal of a token that was really signed.
 */
export function recordBounded(
  state: AgentState,
  bounded: BoundedKind,
  entry: { readonly kind: string; readonly data: EntryData },
  journalFull: boolean,
): { state: AgentState; effects: Effect[] } {
  const quota = state.quotas[bounded];
  if (journalFull || quota.creditMs < quotaRefillMs) {
    return {
      state: withQuota(state, bounded, { ...quota, unrecorded: quota.unrecorded + 1, last: entry }),
      effects: [],
    };
  }
  const data = quota.unrecorded > 0 ? { ...entry.data, unrecorded: quota.unrecorded } : entry.data;
  return {
    state: withQuota(state, bounded, { creditMs: quota.creditMs - quotaRefillMs, unrecorded: 0 }),
    effects: [{ type: "journal", kind: entry.kind, data }],
  };
}

/** Adds credit for the time that passed, and journals what had to wait for it. */
export function refillQuotas(
  state: AgentState,
  elapsedMs: number,
  journalFull: boolean,
): { state: AgentState; effects: Effect[] } {
  let next = state;
  const effects: Effect[] = [];
  for (const bounded of boundedKinds) {
    const quota = next.quotas[bounded];
    if (quota.creditMs < fullCreditMs && elapsedMs > 0) {
      const creditMs = Math.min(fullCreditMs, quota.creditMs + elapsedMs);
      next = withQuota(next, bounded, { ...quota, creditMs });
    }
    if (quota.last && next.quotas[bounded].creditMs >= quotaRefillMs && !journalFull) {
      // The waiting entry is itself one of those counted.
      next = withQuota(next, bounded, { ...next.quotas[bounded], unrecorded: quota.unrecorded - 1 });
      const recorded = recordBounded(next, bounded, quota.last, journalFull);
      next = recorded.state;
      effects.push(...recorded.effects);
    }
  }
  return { state: next, effects };
}

function withQuota(state: AgentState, bounded: BoundedKind, quota: Quota): AgentState {
  return { ...state, quotas: { ...state.quotas, [bounded]: quota } };
}
