import { type Facts, maxJournalEntries, openTrustBundle } from "@postern/protocol";
import type { Changed } from "./core/effects.ts";
import { receiveAnswer } from "./core/receive-answer.ts";
import { reportProtection } from "./core/report.ts";
import { begin, beginEnrolled, enrolledState, recoveredState, type StartContext } from "./core/start.ts";
import { liftLeftMs, type PersistedState, persistedOf } from "./core/state.ts";
import type { AgentEvent, Outcome } from "./core/step.ts";
import { type Enrolment, identitySigner } from "./enrolment.ts";
import type { EventReporter } from "./event-log/reporter.ts";
import { addressReturnMs, grantMs, persistLiftedMs, persistMs, unheardPauseMs } from "./limits.ts";
import { type LinkStatus, startCheckIns } from "./link/check-ins.ts";
import { type Exchange, exchangeWith } from "./link/exchange.ts";
import { collectFacts } from "./link/facts.ts";
import { type FetchPackage, fetchFrom } from "./link/fetch-package.ts";
import { createWays } from "./link/ways.ts";
import { lookAfterGuard } from "./look-after-guard.ts";
import { messageOf } from "./message-of.ts";
import type { Clock, Platform } from "./ports.ts";
import { type RunningAgent, runAgent } from "./running-agent.ts";
import { anchoredPins } from "./store/anchored-pins.ts";
import type { FileSystem } from "./store/file-system.ts";
import { beginJournal, type Journal, openJournal } from "./store/journal-file.ts";
import { readReachedAddress, writeReachedAddress } from "./store/reached-address.ts";
import { stateFile } from "./store/state-file.ts";
import {
  type ClusterAddress,
  removePendingEnrolment,
  type TrustAnchor,
  writeTrustAnchor,
} from "./store/trust-anchor.ts";
import { packageFile } from "./updates/package-file.ts";
import { startUpdates, type Updates } from "./updates/updates.ts";

/** What an agent is made of beside its own code. */
export interface ServicePorts {
  readonly platform: Pick<Platform, "name" | "guard" | "listener" | "folders" | "machineId" | "installer" | "packages">;
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly agentVersion: string;
  readonly builtAtMs: number;
  /** UUIDv4. */
  newId(): string;
  randomBytes(count: number): Uint8Array;
  /** Uniform in [0, 1). */
  random(): number;
  log(line: string): void;
  readonly events?: EventReporter;
  /** How often the guard is looked after, where `limits.guardLookMs` is too long to wait. */
  readonly guardLookMs?: number;
  /** What the workload says of itself, where it is not this machine. */
  facts?(): Facts;
  /** The way to the cluster, where it is not simply HTTP from here. */
  exchangeWith?(address: ClusterAddress): Exchange;
  /** The same for packages. */
  fetchFrom?(address: ClusterAddress): FetchPackage;
  /** How soon the first address is tried again, where `limits.addressReturnMs` is too long to wait. */
  readonly addressReturnMs?: number;
  /** Within what time a fetch begins, where `limits.updateSpreadMs` is too long to wait. */
  readonly updateSpreadMs?: number;
}

/** An agent that has enrolled, at work: core, stores, guard and link. */
export interface EnrolledAgent {
  readonly anchor: TrustAnchor;
  readonly running: RunningAgent;
  readonly journal: Journal;
  /** As {@link RunningAgent.apply}; what it changes is timed and told. */
  apply(event: AgentEvent): Outcome;
  link(): LinkStatus;
  /** Where the cluster is looked for now: what it was told may be another address than that of the enrolment. */
  clusterUrl(): string;
  readonly updates: Updates;
  /** What a new enrolment of this machine takes over. */
  persisted(): PersistedState;
  /** Ends link and timers; guard and stores stay as they are. */
  stop(): Promise<void>;
}

/** Starts the agent that enrolled here before, from what it persisted; whatever is lost of that, protection is on. */
export function resumeAgent(anchor: TrustAnchor, ports: ServicePorts): EnrolledAgent {
  const { fs, platform } = ports;
  const { journal, damaged } = openJournal(fs, platform.folders.data, ports.newId());
  const states = stateFile(fs, platform.folders.data);
  const context = { ...startContext(ports, journal), journalLost: damaged };
  const start =
    beginFrom(states.read(anchor.agentId), anchor, context) ??
    begin(recoveredState(anchor, journal.entries()), { ...context, stateLost: true });
  return work(anchor, start, journal, (state) => states.write(anchor.agentId, state), ports);
}

/** Undefined when nothing can be begun with this state: there is none, or it is of a version that meant something else. */
function beginFrom(
  persisted: PersistedState | undefined,
  anchor: TrustAnchor,
  context: StartContext,
): Changed | undefined {
  if (!persisted) return undefined;
  try {
    openTrustBundle(persisted.bundle, anchoredPins(anchor));
    return begin(persisted, context);
  } catch {
    return undefined;
  }
}

/**
 * Makes a verified enrolment this machine's own and starts the agent. The trust anchor is written last: until then the
 * machine is what it was before.
 */
export function adoptEnrolment(
  { anchor, config, iat, ageMs }: Enrolment,
  previous: PersistedState | undefined,
  ports: ServicePorts,
): EnrolledAgent {
  const { fs, platform } = ports;
  const { data } = platform.folders;
  const persisted = enrolledState({ bundle: anchor.bundle, iat, previous });
  const states = stateFile(fs, data);
  const journal = beginJournal(fs, data, ports.newId());
  states.write(anchor.agentId, persisted);
  writeTrustAnchor(fs, data, anchor);
  removePendingEnrolment(fs, data);
  const start = beginEnrolled(persisted, { iat, ageMs, config }, startContext(ports, journal));
  return work(anchor, start, journal, (state) => states.write(anchor.agentId, state), ports);
}

function startContext({ platform, clock, builtAtMs, agentVersion }: ServicePorts, journal: Journal): StartContext {
  return {
    supported: platform.guard.supported,
    readings: { systemMs: clock.systemNow(), interruptMs: clock.interruptMs() },
    builtAtMs,
    agentVersion,
    journalFull: journal.full(),
  };
}

function work(
  anchor: TrustAnchor,
  start: Changed,
  journal: Journal,
  persist: (state: PersistedState) => void,
  ports: ServicePorts,
): EnrolledAgent {
  const { platform, clock, log } = ports;
  let checkInNow = (): void => {};
  const running = runAgent(anchor, start, {
    clock,
    guard: platform.guard,
    journal,
    persist,
    checkInNow: () => checkInNow(),
    ...(ports.events ? { events: ports.events } : {}),
    log,
  });
  let timer: NodeJS.Timeout | undefined;
  const addressAt = (url: string): ClusterAddress => ({ ...anchor.cluster, url });
  const ways = createWays({
    enrolled: anchor.cluster.url,
    told: () => running.state().upkeep?.urls ?? [],
    reached: {
      read: () => readReachedAddress(ports.fs, platform.folders.data, anchor.agentId),
      write: keepReached,
    },
    exchangeAt: (url) => (ports.exchangeWith ?? exchangeWith)(addressAt(url)),
    nowMs: () => clock.interruptMs(),
    returnMs: ports.addressReturnMs ?? addressReturnMs,
  });
  const checkIns = startCheckIns({
    ways,
    identityKey: identitySigner(anchor.identityKey),
    identity: anchor.identity,
    clock,
    report() {
      const state = running.state();
      return {
        sub: anchor.agentId,
        boot: state.boot,
        protection: reportProtection(state, platform.guard.supported, running.layers(), running.otherServices()),
        applied: { rev: state.rev, ...(state.refusedConfig ? { refused: state.refusedConfig } : {}) },
        bundleVer: running.bundle().version,
        journal: { id: journal.id, entries: journal.batch(maxJournalEntries) },
      };
    },
    facts: () => factsOf(ports),
    receive,
    newNonce: () => newNonce(ports),
    random: ports.random,
    log,
  });
  checkInNow = checkIns.now;
  schedule();
  const updates = startUpdates({
    running: ports.agentVersion,
    installer: platform.packages,
    file: packageFile(ports.fs, platform.packages, platform.folders.data),
    clock,
    fetch: (wanted) => (ports.fetchFrom ?? fetchFrom)(addressAt(ways.current().url))(wanted),
    state: running.state,
    apply,
    random: ports.random,
    log,
    ...(ports.updateSpreadMs === undefined ? {} : { spreadMs: ports.updateSpreadMs }),
  });
  const looks = lookAfterGuard(platform.guard, running.lookAfterGuard, ports);

  return {
    anchor,
    running,
    journal,
    apply,
    link: checkIns.status,
    clusterUrl: () => ways.current().url,
    updates,
    persisted: () => persistedOf(running.state()),
    async stop() {
      clearTimeout(timer);
      looks.stop();
      await Promise.all([checkIns.stop(), updates.stop()]);
    },
  };

  function apply(event: AgentEvent): Outcome {
    try {
      return running.apply(event);
    } finally {
      schedule();
    }
  }

  /** The next tick: when the lift is over, or when there is something to persist. */
  function schedule(): void {
    clearTimeout(timer);
    const state = running.state();
    const { grant, protection, time } = state;
    const waits = protection.state === "lifted" ? [persistLiftedMs, liftLeftMs(state) + 1] : [persistMs];
    if (grant) waits.push(Math.max(0, grant.issuedAtMs + grantMs - time.interruptMs) + 1);
    timer = setTimeout(() => apply({ type: "tick" }), Math.min(...waits));
  }

  function receive(message: string, nonce: string, ageMs: number): { holdMs: number; afterMs: number } {
    const received = receiveAnswer(message, {
      bundle: running.bundle(),
      tenantId: anchor.tenantId,
      agentId: anchor.agentId,
      nonce,
      appliedRev: running.state().rev,
    });
    apply({ type: "answered", received, ageMs });
    updates.look();
    const { next, journalAcked } = received.answer;
    return forget(journalAcked) ? next : { ...next, afterMs: Math.max(next.afterMs, unheardPauseMs) };
  }

  /** An address that cannot be written down is found again after the next start: that one begins at the old one. */
  function keepReached(url: string): void {
    try {
      writeReachedAddress(ports.fs, platform.folders.data, anchor.agentId, url);
    } catch (error) {
      log(`not saved: ${messageOf(error)}`);
    }
  }

  /** False when entries wait and none of them was acknowledged: sending them again at once would change nothing. */
  function forget(seq: number): boolean {
    const before = journal.entries().length;
    try {
      journal.acknowledged(seq);
    } catch (error) {
      log(`not saved: ${messageOf(error)}`);
    }
    const left = journal.entries().length;
    if (left > 0 && left < before) checkInNow();
    return before === 0 || left < before;
  }
}

/** What the workload says of itself. */
export function factsOf({
  facts,
  platform,
  agentVersion,
}: Pick<ServicePorts, "facts" | "platform" | "agentVersion">): Facts {
  return facts?.() ?? collectFacts(platform, agentVersion);
}

/** 16 random bytes, base64url. */
export function newNonce(ports: Pick<ServicePorts, "randomBytes">): string {
  return Buffer.from(ports.randomBytes(16)).toString("base64url");
}
