import { sha256Base64url } from "@postern/protocol";
import { type AgentTokenClaims, defaultLiftSeconds, mint, type TokenTarget } from "@postern/token";
import type { ClusterFile, OfflineTokenKey } from "../keys/cluster-file.ts";
import type { KeyStore } from "../keys/key-store.ts";
import { type OfflineRecord, writeOfflineRecord } from "./offline-record.ts";
import { newTokenClaims } from "./token-claims.ts";

export interface OfflineRequest {
  readonly target: TokenTarget;
  readonly reason: string;
  readonly ticket: string | null;
  /** 16 symbols without hyphens; for agent tokens only. */
  readonly challenge: string | undefined;
  readonly by: OfflineRecord["by"];
  /** The token key to sign with. */
  readonly key: OfflineTokenKey;
}

export interface OfflineContext {
  readonly cluster: ClusterFile;
  readonly keyStore: KeyStore;
  readonly jti: string;
  readonly nowMs: number;
}

/**
 * Generates an agent token with the keys alone. Its record is on disk when this returns, before the token can reach
 * anybody; the next start of a node enters it.
 *
 * The claims are made by the same rule as those of any other token. Only the lift cannot be the profile's, which is in
 * the database: it is the usual one, of which an agent takes no more than its applied profile gives.
 *
 * @throws {KeyStoreError} the key cannot be opened, or the record cannot be written
 */
export async function generateOffline(
  { cluster, keyStore, jti, nowMs }: OfflineContext,
  { target, reason, ticket, challenge, by, key }: OfflineRequest,
): Promise<{ readonly token: string; readonly claims: AgentTokenClaims }> {
  const signer = await keyStore.load(key.kid, "token");
  const claims = newTokenClaims({
    clusterId: cluster.clusterId,
    target,
    jti,
    nowMs,
    liftSeconds: defaultLiftSeconds,
    challenge,
  });
  const token = await mint(claims, signer);
  writeOfflineRecord(keyStore, {
    version: 1,
    claims,
    kid: signer.kid,
    sha256: sha256Base64url(token),
    reason,
    ticket,
    by,
  });
  return { token, claims };
}

/**
 * The token key that most agents accept, as far as that can be told without the database: the oldest one that is in the
 * newest trust bundle. Who has that bundle holds it, and so does who has the one before.
 */
export function widestTokenKey({ tokenKeys, trustBundleVersion }: ClusterFile): OfflineTokenKey | undefined {
  return tokenKeys.find(({ bundles }) => bundles.includes(trustBundleVersion));
}
