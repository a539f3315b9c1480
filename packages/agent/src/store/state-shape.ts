import { boundedKinds, type PersistedState } from "../core/state.ts";

/** The latest moment that can be written as a date: no clock and no sum of ours comes near it. */
const latestMs = 8.64e15;

/**
 * Whether a record can be gone on with as the state. Its digest says that an agent wrote it whole, not that it was one
 * that meant the same by it; half of it would break the first step that needs the other half, and `-unprotect` with it.
 */
export function isPersistedState(value: unknown): value is PersistedState {
  const state = membersOf(value);
  if (!state) return false;
  const { boot, time, protection, usedTokens, revoked, profile, upkeep, rev, refusedConfig, bundle, quotas } = state;
  const { grant, failedUpdate } = state;
  return (
    isCount(boot) &&
    has(time, { floorMs: isCount, seenMs: isCount }) &&
    isProtection(protection) &&
    isListOf(usedTokens, (used) => has(used, { jti: isText, exp: isCount, leftMs: isCount })) &&
    isListOf(revoked, isText) &&
    has(profile, { on: isFlag, liftSeconds: isCount, singleUse: isFlag, requireChallenge: isFlag }) &&
    (upkeep === undefined || membersOf(upkeep) !== undefined) &&
    isCount(rev) &&
    (refusedConfig === undefined || has(refusedConfig, { rev: isCount, code: isText })) &&
    isText(bundle) &&
    has(quotas, Object.fromEntries(boundedKinds.map((kind) => [kind, isQuota]))) &&
    (grant === undefined || isGrant(grant)) &&
    (failedUpdate === undefined ||
      has(failedUpdate, { sha256: isText, times: isCount, untilMs: isCount, code: isText }))
  );
}

function isProtection(value: unknown): boolean {
  if (!has(value, { sinceMs: isCount })) return false;
  const { state, jti } = membersOf(value) ?? {};
  return state === "lifted" ? isText(jti) : state === "on" || state === "off";
}

function isGrant(value: unknown): boolean {
  const named = { version: isText, sha256: isText, from: isText };
  return has(value, { ...named, issuedAtMs: isCount, open: isFlag, started: isFlag });
}

function isQuota(value: unknown): boolean {
  if (!has(value, { creditMs: isCount, unrecorded: isCount })) return false;
  const { last } = membersOf(value) ?? {};
  return last === undefined || has(last, { kind: isText, data: isEntryData });
}

function isEntryData(value: unknown): boolean {
  const data = membersOf(value);
  return data !== undefined && Object.values(data).every((one) => isText(one) || isFlag(one) || Number.isFinite(one));
}

function has(value: unknown, members: Readonly<Record<string, (member: unknown) => boolean>>): boolean {
  const object = membersOf(value);
  return object !== undefined && Object.entries(members).every(([name, isOne]) => isOne(object[name]));
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : undefined;
}

function isListOf(value: unknown, isOne: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isOne);
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= latestMs;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isFlag(value: unknown): boolean {
  return typeof value === "boolean";
}
