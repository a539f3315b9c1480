import { join } from "node:path";
import type { FileSystem } from "./file-system.ts";
import { decodeRecord } from "./sealed-record.ts";
import { writeWhole } from "./whole-file.ts";

/** What an agent learned when it enrolled, and whom it trusts from then on. Written once for each enrolment. */
export interface TrustAnchor {
  readonly layout: 1;
  readonly clusterId: string;
  readonly tenantId: string;
  readonly agentId: string;
  /** Unix seconds, the cluster's. */
  readonly enrolledAt: number;
  /**
   * Thumbprints of the root keys that may vouch for the cluster, after how many changes of the roots. This never changes:
   * where later changes lead is worked out anew from here, with the signatures in the newest trust bundle. See
   * `docs/decisions/pinned-roots-move-by-signatures.md`.
   */
  readonly pinnedRoots: readonly string[];
  /** Left out by agents of before there were root changes: none. */
  readonly rootsVersion?: number;
  /** The agent's private identity key (JWK). Never leaves this file and the process. */
  readonly identityKey: { readonly kty: "OKP"; readonly crv: "Ed25519"; readonly x: string; readonly d: string };
  /** The cluster's statement that this key is this agent's, as it was signed. */
  readonly identity: string;
  /** The trust bundle of then; the state holds the newest. */
  readonly bundle: string;
  readonly cluster: ClusterAddress;
}

/** How the cluster is reached. */
export interface ClusterAddress {
  readonly url: string;
  /** PEM certificates that may vouch for the server instead of the operating system's. */
  readonly ca?: string;
  readonly proxy?: string;
}

/** `unreadable`: this machine had enrolled, and its anchor is damaged. That is not the same as not enrolled. */
export type AnchorReading = TrustAnchor | "none" | "unreadable";

export function readTrustAnchor(fs: FileSystem, folder: string): AnchorReading {
  let bytes: Uint8Array | undefined;
  try {
    bytes = fs.read(anchorPath(folder));
  } catch {
    return "unreadable";
  }
  if (!bytes) return "none";
  const anchor = decodeRecord(bytes) as Partial<TrustAnchor> | undefined;
  return anchor?.layout === 1 ? (anchor as TrustAnchor) : "unreadable";
}

/** Durable when it returns, and in one step: there is the old one, or the new one. */
export function writeTrustAnchor(fs: FileSystem, folder: string, anchor: TrustAnchor): void {
  writeWhole(fs, anchorPath(folder), anchor);
}

/**
 * An enrolment under way. Should its answer get lost, the next try is the same request, costs no second use of the
 * activation key and finds the same agent.
 */
export interface PendingEnrolment {
  readonly activationKeyId: string;
  readonly url: string;
  readonly requestId: string;
  readonly nonce: string;
  readonly identityKey: TrustAnchor["identityKey"];
}

export function readPendingEnrolment(fs: FileSystem, folder: string): PendingEnrolment | undefined {
  const bytes = fs.read(pendingPath(folder));
  return bytes && (decodeRecord(bytes) as PendingEnrolment | undefined);
}

export function writePendingEnrolment(fs: FileSystem, folder: string, pending: PendingEnrolment): void {
  writeWhole(fs, pendingPath(folder), pending);
}

export function removePendingEnrolment(fs: FileSystem, folder: string): void {
  fs.remove(pendingPath(folder));
}

const anchorPath = (folder: string) => join(folder, "trust-anchor");
const pendingPath = (folder: string) => join(folder, "enrolling");
