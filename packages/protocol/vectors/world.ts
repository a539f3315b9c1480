import { issuerOf } from "@postern/token";
import { openAgentConfig } from "../src/agent-config.ts";
import { openAgentIdentity } from "../src/agent-identity.ts";
import { openAnswer, openLostCheckIn, readCheckIn } from "../src/check-in.ts";
import { thumbprintOf, verifyKeyOf } from "../src/ed25519.ts";
import { openEnrolAnswer, openEnrolRequest } from "../src/enrolment.ts";
import { readPreviousProof, verifyPreviousProof } from "../src/previous-proof.ts";
import { followRootChanges } from "../src/root-change.ts";
import { openTrustBundle, type TrustBundle } from "../src/trust-bundle.ts";

/** What a receiver knows and expects when a message of the vectors arrives. */
export interface World {
  readonly clusterId: string;
  readonly tenantId: string;
  readonly agentId: string;
  readonly identityJwk: { readonly kty: "OKP"; readonly crv: "Ed25519"; readonly x: string };
  /** Thumbprints of the roots that the agent pins, before any root change; enrolling it knows the first of them only. */
  readonly pinnedRoots: readonly string[];
  /** The trust bundle that the agent has already. */
  readonly bundle: string;
  /** Of the request that was just sent. */
  readonly nonce: string;
  readonly minRevision: number;
  /** The enrolment with which a proof of the identity of before comes. */
  readonly enrolment: { readonly requestId: string; readonly identityThumbprint: string };
}

/** How each kind of message is opened, and what is then known. */
export const openers = {
  "root-change": (message: string, world: World): unknown => {
    const { version, thumbprints } = followRootChanges([message], pinsIn(world), issuerOf(world.clusterId));
    return { version, thumbprints: [...thumbprints] };
  },
  "trust-bundle": (message: string, world: World): unknown => {
    const { tokenKeys, configKeys, roots, pinned, ...rest } = openTrustBundle(message, pinsIn(world));
    return {
      ...rest,
      tokenKeys: [...tokenKeys.keys()],
      configKeys: [...configKeys.keys()],
      roots: [...roots],
      pinned: { version: pinned.version, thumbprints: [...pinned.thumbprints] },
    };
  },
  "agent-identity": (message: string, world: World): unknown =>
    openAgentIdentity(message, world.clusterId, bundleOf(world).configKeys),
  "agent-config": (message: string, world: World): unknown =>
    openAgentConfig(message, { ...world, configKeys: bundleOf(world).configKeys }),
  "agent-previous": (message: string, world: World): unknown => {
    const { clusterId, nonce, enrolment } = world;
    const key = verifyKeyOf(world.identityJwk);
    return verifyPreviousProof(readPreviousProof(message), key, { clusterId, nonce, ...enrolment });
  },
  "agent-enroll": (message: string): unknown => openEnrolRequest(message).claims,
  "agent-enroll-answer": (message: string, world: World): unknown =>
    openEnrolAnswer(message, {
      nonce: world.nonce,
      rootThumbprint: world.pinnedRoots[0] ?? "",
      identityThumbprint: thumbprintOf(world.identityJwk),
    }).answer,
  "agent-check-in": (message: string, world: World): unknown => {
    const unverified = readCheckIn(message);
    // With an identity it comes to a cluster that has lost the agent.
    if (unverified.unverifiedClaims.identity !== undefined) {
      return openLostCheckIn(unverified, world.clusterId, bundleOf(world).configKeys).checkIn;
    }
    const key = verifyKeyOf(world.identityJwk);
    return unverified.verify((kid) => (kid === key.kid ? key : undefined));
  },
  "agent-answer": (message: string, world: World): unknown =>
    openAnswer(message, { ...world, bundle: bundleOf(world) }).answer,
};

export type Kind = keyof typeof openers;
export const kinds = Object.keys(openers) as Kind[];

const opened = new WeakMap<World, TrustBundle>();

/** The bundle that the agent has, opened once: properties ask for it thousands of times. */
function bundleOf(world: World): TrustBundle {
  const known = opened.get(world) ?? openTrustBundle(world.bundle, pinsIn(world));
  opened.set(world, known);
  return known;
}

function pinsIn({ pinnedRoots }: World) {
  return { version: 0, thumbprints: new Set(pinnedRoots) };
}
