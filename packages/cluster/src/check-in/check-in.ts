import {
  type Answer,
  type CheckIn,
  MessageRefused,
  readCheckIn,
  sealAnswer,
  type UnverifiedCheckIn,
  verifyKeyOf,
} from "@postern/protocol";
import { toUnixSeconds } from "@postern/token";
import { findAgentAnywhere, type KnownAgent } from "../agents/agents.ts";
import { adoptNextKey, keysOf } from "../agents/continuation.ts";
import { enterDecommissioned } from "../agents/decommission.ts";
import { desiredRevision } from "../agents/desired-revision.ts";
import { keepProtection, wouldLoseProtection } from "../agents/kept-protection.ts";
import { reassignByFacts } from "../agents/reassign-by-facts.ts";
import { newsOf, storeReport } from "../agents/reports.ts";
import { enterReappeared } from "../agents/standing.ts";
import { findTombstoneAnywhere } from "../agents/tombstones.ts";
import type { Change } from "../change-feed.ts";
import { highestStored, storeEntries } from "../events/journal.ts";
import { raiseFromReport, raiseWouldDrop } from "../events/report-alarms.ts";
import { Problem } from "../http/problems.ts";
import type { ClusterKeys } from "../keys/cluster-keys.ts";
import { lastRestoredAt } from "../restore-gaps.ts";
import { revokedTokensFor } from "../tokens/token-records.ts";
import { waitForChange } from "./held.ts";
import { readMessage } from "./read-message.ts";
import { restoreLost } from "./restore-lost.ts";
import { sealConfigOf } from "./sealed-config.ts";
import type { CheckInServices } from "./services.ts";
import { dueAfter, nextOf, spreadHold } from "./timing.ts";

/** What there is to tell an agent. */
interface Wanted {
  /** The keys of one moment: the answer is signed by a key of the trust bundle that it brings. */
  readonly keys: ClusterKeys;
  readonly known: KnownAgent;
  readonly rev: number;
  readonly sendConfig: boolean;
  readonly sendBundle: boolean;
  readonly revoked: readonly string[];
  /** Something that the agent does not have yet: it is answered without waiting. */
  readonly isNews: boolean;
  readonly next: Answer["next"];
}

/**
 * Answers a check-in: stores what the agent reports, waits until there is something new for it or the hold is over, and
 * signs the answer for it. What the answer acknowledges is on disk. An agent that has just started or brings journal
 * entries is not held.
 *
 * @param gone aborted when the sender has closed the connection
 * @throws {Problem} message_refused, agent_unauthenticated, agent_deleted, agent_decommissioned, check_in_replayed,
 *   superseded, shutting_down
 */
export async function answerCheckIn(services: CheckInServices, message: string, gone: AbortSignal): Promise<string> {
  const { presence, held, clock, timing } = services;
  const { checkIn, known } = await openCheckIn(services, message);
  const now = clock.now();
  const { sub: agentId, boot, n } = checkIn;
  const next = nextOf(timing, known.profile.settings.checkIn);
  const sighting = { agentId, boot, n, seenAt: now, dueAt: dueAfter(next, now) };
  const isNewest = await presence.record(sighting).catch(async (error: unknown) => {
    const isThere = (await findAgentAnywhere(services.store.reads, agentId)) !== undefined;
    throw isThere ? error : new Problem("agent_deleted", undefined, { cause: error });
  });
  if (!isNewest) throw new Problem("check_in_replayed");

  const turn = held.begin(agentId);
  gone.addEventListener("abort", turn.leave);
  if (gone.aborted) turn.leave();
  try {
    const journalAcked = await storeReports(services, known, checkIn);
    const wanted = await waitForNews(services, checkIn, next.holdMs, turn.ended);
    if (wanted.next.afterMs > next.afterMs) {
      await presence.postpone({ agentId, boot, n, dueAt: dueAfter(wanted.next, clock.now()) });
    }
    return await sealAnswerOf(services, checkIn, wanted, journalAcked);
  } finally {
    gone.removeEventListener("abort", turn.leave);
    turn.finish();
  }
}

/**
 * Verifies who sent a check-in. Whether the agent is unknown or the signature wrong is not told; only who proves to be
 * the agent learns that it was deleted or decommissioned.
 */
async function openCheckIn(
  services: CheckInServices,
  message: string,
): Promise<{ checkIn: CheckIn; known: KnownAgent }> {
  const { store, audit } = services;
  const unverified = readMessage(() => readCheckIn(message));
  const { sub } = unverified.unverifiedClaims;
  const known = await findAgentAnywhere(store.reads, sub);
  if (known !== undefined) {
    const { agent } = known;
    const checkIn = verifyWith(unverified, keysOf(agent));
    if (agent.standing === "decommissioned") throw new Problem("agent_decommissioned");
    if (unverified.unverifiedHeader["kid"] === agent.next_identity_thumbprint) {
      await store.durable((tx) => adoptNextKey(tx, audit, agent));
    }
    return { checkIn, known };
  }
  const tombstone = await findTombstoneAnywhere(store.reads, sub);
  if (tombstone === undefined) return restoreLost(services, unverified);
  verifyWith(unverified, [tombstone.identity_key]);
  throw new Problem("agent_deleted");
}

/** @throws {Problem} agent_unauthenticated */
function verifyWith(unverified: UnverifiedCheckIn, xs: readonly string[]): CheckIn {
  const keys = xs.map((x) => verifyKeyOf({ kty: "OKP", crv: "Ed25519", x }));
  try {
    return unverified.verify((kid) => keys.find((key) => key.kid === kid));
  } catch (error) {
    if (error instanceof MessageRefused) throw new Problem("agent_unauthenticated", undefined, { cause: error });
    throw error;
  }
}

/** Stores what is new in a check-in, all in one transaction. @returns up to where the journal is stored for good */
async function storeReports(
  { store, audit, feed, newId, clock }: CheckInServices,
  known: KnownAgent,
  checkIn: CheckIn,
): Promise<number> {
  const { agent, revision } = known;
  const { id: journalId, entries } = checkIn.journal;
  const hostName = checkIn.facts?.hostName ?? agent.host_name;
  const owner = { agentId: agent.id, tenantId: agent.tenant_id, journalId, hostName };
  const { revisionLead } = desiredRevision(revision, checkIn.applied.rev);
  const news = newsOf(agent, checkIn, revisionLead);
  const isEnding = agent.decommission_at !== null;
  const isBack = agent.standing === "replaced";
  if (news === null && entries.length === 0 && !isEnding && !isBack) return highestStored(store.reads, owner);
  return store.durable(async (tx) => {
    if (news !== null) {
      await storeReport(tx, agent, news);
      feed.publish(tx, { kind: "agent", tenantId: agent.tenant_id, agentId: agent.id });
      await raiseFromReport(tx, { newId, feed }, agent, news, clock.now());
    }
    if (isBack) await enterReappeared(tx, audit, agent);
    if (wouldLoseProtection(known, checkIn) && (await lastRestoredAt(tx)) !== null)
      await keepProtection(tx, audit, known);
    await enterDecommissioned(tx, audit, agent, revision, checkIn, clock.now());
    if (news?.facts !== undefined && news.facts !== agent.facts) {
      await reassignByFacts(tx, audit, feed, agent, clock.now());
      await raiseWouldDrop(tx, { newId, feed }, agent, clock.now());
    }
    if (entries.length === 0) return highestStored(tx, owner);
    return storeEntries(tx, { newId, feed }, owner, entries, clock.now());
  });
}

async function waitForNews(
  services: CheckInServices,
  checkIn: CheckIn,
  usualHoldMs: number,
  ended: AbortSignal,
): Promise<Wanted> {
  const { feed, clock, randomBytes } = services;
  // Who has just started, or brings journal entries, waits for the answer itself: it re-arms, and lets entries be forgotten.
  const waitsForAnswer = checkIn.facts !== undefined || checkIn.journal.entries.length > 0;
  const holdMs = waitsForAnswer ? 0 : spreadHold(usualHoldMs, (randomBytes(1)[0] ?? 0) / 255);
  const endsAt = clock.now() + holdMs;
  for (;;) {
    ended.throwIfAborted();
    const { counter } = feed;
    const wanted = await findWanted(services, checkIn);
    if (wanted.isNews || holdMs === 0) return wanted;
    const left = Math.max(0, endsAt - clock.now());
    const event = await waitForChange(feed, counter, concerns(wanted.known), left, ended);
    if (event === "over") return findWanted(services, checkIn);
  }
}

async function findWanted(services: CheckInServices, { sub, applied, bundleVer }: CheckIn): Promise<Wanted> {
  const { store, clock, toldRevocations, timing } = services;
  const known = await findAgentAnywhere(store.reads, sub);
  if (known === undefined) throw new Problem("agent_deleted");
  // An agent that comes from another node may know a newer bundle than this node has seen.
  const keys = await services.keys.atLeast(bundleVer);
  const { agent, revision } = known;
  const { rev } = desiredRevision(revision, applied.rev);
  // A config that the agent has refused is not sent to it over and over.
  const sendConfig = rev !== applied.rev && rev !== applied.refused?.rev;
  const sendBundle = bundleVer < keys.trustBundle.version;
  const revoked = await revokedTokensFor(store.reads, { id: agent.id, tenantId: agent.tenant_id }, clock.now());
  // Whom this was the last report of is answered once more, so that its journal is acknowledged.
  const isOver = agent.standing === "decommissioned";
  const isNews = isOver || sendConfig || sendBundle || toldRevocations.hasNews(agent.id, revoked);
  const next = nextOf(timing, known.profile.settings.checkIn);
  return { keys, known, rev, sendConfig, sendBundle, revoked, isNews, next };
}

function concerns({ agent, profile }: KnownAgent): (change: Change) => boolean {
  return (change) => {
    if (change.kind === "anything" || change.kind === "keys") return true;
    if (change.kind === "told") return change.to === "everyone" || profile.settings.desiredVersion !== null;
    if (change.kind === "profile") return change.profileId === agent.profile_id;
    if (change.agentId !== null) return change.agentId === agent.id;
    return change.tenantId === null || change.tenantId === agent.tenant_id;
  };
}

async function sealAnswerOf(
  { store, clock, toldRevocations }: CheckInServices,
  { sub, nonce }: CheckIn,
  { keys, known, rev, sendConfig, sendBundle, revoked, next }: Wanted,
  journalAcked: number,
): Promise<string> {
  const now = clock.now();
  const answer = await sealAnswer(
    {
      sub,
      nonce,
      iat: toUnixSeconds(now),
      rev,
      bundleVer: keys.trustBundle.version,
      revoked: [...revoked],
      ...(sendConfig && { config: await sealConfigOf(store.reads, keys, known, rev, now) }),
      ...(sendBundle && { bundle: keys.trustBundle.jws }),
      journalAcked,
      next,
    },
    keys.configSigner,
  );
  toldRevocations.told(sub, revoked);
  return answer;
}
