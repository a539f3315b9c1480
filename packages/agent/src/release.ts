import manifest from "../package.json" with { type: "json" };

export const agentVersion = manifest.version;

/**
 * The day of this version (UTC), unix ms: the program did not exist before, so it is not earlier now. The first evidence
 * of trusted time, and for an agent that never reached its cluster the only one.
 */
export const builtAtMs = Date.parse(`${manifest.released}T00:00:00Z`);
