import manifest from "../package.json" with { type: "json" };

/** The build writes it in front of the code, so that a package of another version can be made for a test. */
declare const POSTERN_VERSION: string | undefined;

export const agentVersion = typeof POSTERN_VERSION === "string" ? POSTERN_VERSION : manifest.version;

/**
 * The day of this version (UTC), unix ms: the program did not exist before, so it is not earlier now. The first evidence
 * of trusted time, and for an agent that never reached its cluster the only one.
 */
export const builtAtMs = Date.parse(`${manifest.released}T00:00:00Z`);
