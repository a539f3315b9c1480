import { Buffer } from "node:buffer";

/** Longest body of a request or an answer between agent and cluster, bytes. Proxies and readers can rely on it. */
export const maxBodyBytes = 128 * 1024;

/** Longest signed message: what fits such a body with its JSON envelope around it. */
export const maxMessageChars = maxBodyBytes - Buffer.byteLength('{"request":""}') - 64;

/** Longest trust bundle or desired config: two of them, and all that goes with them, fit one answer. */
export const maxPartChars = 42 * 1024;

/** Longest identity. */
export const maxIdentityChars = 2048;

/** Longest proof of the identity of before. */
export const maxPreviousChars = 2048;

/** Longest enrolment: an unknown sender gets no more room than the longest facts need. */
export const maxEnrolRequestChars = 16 * 1024;

/** Longest text read as an activation key: its 136 characters with room for white space around. */
export const maxActivationKeyChars = 512;

/** Journal entries in one check-in; more wait for the next one. */
export const maxJournalEntries = 100;

/**
 * Longest `data` of a journal entry, in bytes of its JSON: a hundred of them fit one message beside the longest facts
 * and layers, whatever script they are written in. An entry that could not be sent would hold up all after it.
 */
export const maxJournalDataBytes = 480;

/** Guard layers an agent reports. */
export const maxLayers = 16;

/** Addresses an agent reports. */
export const maxAddresses = 16;

/** Revoked token ids in one answer. Tokens live 15 minutes: nobody revokes more of them for one agent in that time. */
export const maxRevoked = 256;

/** Longest hold of a check-in. Proxies cut silent connections at 60 s. */
export const maxHoldMs = 55_000;

/** Longest pause that a cluster may ask for between check-ins: a day. */
export const maxAfterMs = 86_400_000;

/** Keys in a trust bundle. */
export const maxBundleKeys = 64;

/** Services of other vendors that one profile guards: security programs of a machine, not all that it runs. */
export const maxServices = 32;

/** Longest name with which one of them is reported; longer ones are cut, so that the largest report fits a message. */
export const maxReportedNameChars = 80;

/** Addresses of a cluster, and the longest of them. */
export const maxClusterUrls = 4;
export const maxClusterUrlChars = 512;

/** Agent packages that may be installed at one time: a few versions, each for two architectures. */
export const maxPackages = 16;

/** Largest agent package, bytes. */
export const maxPackageBytes = 512 * 1024 * 1024;

/**
 * Changes of the roots in the life of a cluster. A trust bundle carries all of them beside its keys, so that an agent
 * that was away for any number of them can follow; together they fit {@link maxPartChars}.
 */
export const maxRootChanges = 24;

/** Longest root change: its six hundred characters with room for members that are yet to be thought of. */
export const maxRootChangeChars = 768;
