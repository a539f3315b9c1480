import manifest from "../package.json" with { type: "json" };

/** Replaced by the build with the time it was made for, unix ms; absent when the agent runs from source. */
declare const POSTERN_BUILT_AT: number | undefined;

export const agentVersion = manifest.version;

/** This program did not exist before that moment, so it is not earlier now: the first evidence of trusted time. */
export const builtAtMs: number = typeof POSTERN_BUILT_AT === "number" ? POSTERN_BUILT_AT : Date.UTC(2026, 10, 24);
