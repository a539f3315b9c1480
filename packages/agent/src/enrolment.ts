import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { type AgentConfigClaims, type Facts, parseActivationKey, sealPreviousProof, signerOf } from "@postern/protocol";
import { issuerOf, type Signer } from "@postern/token";
import { EnrolmentFailed, enrol } from "./link/enrol.ts";
import { checkClusterUrl, type Exchange, exchangeWith } from "./link/exchange.ts";
import type { Clock } from "./ports.ts";
import type { FileSystem } from "./store/file-system.ts";
import {
  type ClusterAddress,
  type PendingEnrolment,
  readPendingEnrolment,
  type TrustAnchor,
  writePendingEnrolment,
} from "./store/trust-anchor.ts";

export interface EnrolmentPorts {
  readonly fs: FileSystem;
  readonly folder: string;
  readonly clock: Clock;
  readonly facts: Facts;
  newId(): string;
  newNonce(): string;
  /** Who this machine is until then. */
  readonly previous?: PreviousIdentity;
  exchangeWith?(address: ClusterAddress): Exchange;
}

/** The agent that a machine is which enrols anew, and the roots that vouch for its cluster. */
export interface PreviousIdentity {
  readonly anchor: TrustAnchor;
  readonly roots: ReadonlySet<string>;
}

/** A verified enrolment, of which nothing is written down yet. */
export interface Enrolment {
  readonly anchor: TrustAnchor;
  readonly config: AgentConfigClaims;
  /** When the answer was made, unix seconds, and how long ago at most. */
  readonly iat: number;
  readonly ageMs: number;
}

/**
 * Enrols this machine at a cluster's address with an activation key.
 *
 * @throws {EnrolmentFailed} key_malformed, url_malformed, url_insecure, proxy_malformed, ca_malformed, and what
 *   `link/enrol.ts` throws
 */
export async function enrolAt(
  address: ClusterAddress,
  activationKey: string,
  ports: EnrolmentPorts,
): Promise<Enrolment> {
  const key = parseActivationKey(activationKey);
  if (!key) throw new EnrolmentFailed("key_malformed");
  const badUrl = checkClusterUrl(address.url);
  if (badUrl) throw new EnrolmentFailed(badUrl);
  if (address.proxy !== undefined && !isProxyUrl(address.proxy)) throw new EnrolmentFailed("proxy_malformed");
  if (address.ca !== undefined && !holdsCertificates(address.ca)) throw new EnrolmentFailed("ca_malformed");

  const pending = pendingEnrolment(key.id, address.url, ports);
  const identityKey = identitySigner(pending.identityKey);
  const previous = await provePrevious(ports.previous, key.rootThumbprint, pending, identityKey.kid);
  const { opened, ageMs } = await enrol({
    exchange: (ports.exchangeWith ?? exchangeWith)(address),
    key,
    requestId: pending.requestId,
    nonce: pending.nonce,
    identityKey,
    ...(previous === undefined ? {} : { previous }),
    facts: ports.facts,
    clock: ports.clock,
  });
  const { answer, bundle, config } = opened;
  const anchor: TrustAnchor = {
    layout: 1,
    clusterId: answer.clusterId,
    tenantId: answer.tenantId,
    agentId: answer.agentId,
    enrolledAt: answer.iat,
    pinnedRoots: [...bundle.pinned.thumbprints],
    rootsVersion: bundle.pinned.version,
    identityKey: pending.identityKey,
    identity: answer.identity,
    bundle: answer.bundle,
    cluster: address,
  };
  return { anchor, config, iat: answer.iat, ageMs };
}

/**
 * The proof that this machine was an agent of the very cluster that it enrols at, so that its record goes on. Another
 * cluster, which the roots tell, has no business to know.
 */
async function provePrevious(
  previous: PreviousIdentity | undefined,
  rootThumbprint: string,
  { requestId, nonce }: PendingEnrolment,
  jkt: string,
): Promise<string | undefined> {
  if (previous === undefined || !previous.roots.has(rootThumbprint)) return undefined;
  const { clusterId, agentId, identityKey } = previous.anchor;
  return sealPreviousProof(
    { iss: issuerOf(clusterId), sub: agentId, requestId, nonce, jkt },
    identitySigner(identityKey),
  );
}

/** The signer of an agent's identity key. @throws {TypeError} not such a key */
export function identitySigner(identityKey: TrustAnchor["identityKey"]): Signer {
  return signerOf(createPrivateKey({ format: "jwk", key: { ...identityKey } }));
}

function isProxyUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** All of them are looked at: one that is broken would fail each connection from then on. */
function holdsCertificates(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const begun = pem.split("-----BEGIN CERTIFICATE-----").length - 1;
  try {
    return blocks.length > 0 && blocks.length === begun && blocks.every((block) => new X509Certificate(block));
  } catch {
    return false;
  }
}

/** The enrolment already under way with this key, or a new one, written down before anything is sent. */
function pendingEnrolment(activationKeyId: string, url: string, ports: EnrolmentPorts): PendingEnrolment {
  const known = readPendingEnrolment(ports.fs, ports.folder);
  if (known?.activationKeyId === activationKeyId && known.url === url) return known;
  const { kty, crv, x, d } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  if (kty !== "OKP" || crv !== "Ed25519" || x === undefined || d === undefined)
    throw new TypeError("not an Ed25519 private key");
  const pending: PendingEnrolment = {
    activationKeyId,
    url,
    requestId: ports.newId(),
    nonce: ports.newNonce(),
    identityKey: { kty, crv, x, d },
  };
  writePendingEnrolment(ports.fs, ports.folder, pending);
  return pending;
}
