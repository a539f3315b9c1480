import { type CheckIn, type Facts, MessageRefused, maxHoldMs, sealCheckIn } from "@postern/protocol";
import type { Signer } from "@postern/token";
import { promptCheckInGapMs, refusedByClusterMs, requestTimeoutMs } from "../limits.ts";
import type { Clock } from "../ports.ts";
import { NotSaved } from "../running-agent.ts";
import { backoffMs } from "./backoff.ts";
import { NoResponse, type UnverifiedResponse } from "./exchange.ts";
import { unverifiedAnswer, unverifiedProblemCode } from "./problem.ts";
import type { Ways } from "./ways.ts";

/** What a check-in says, beside what the link itself adds. */
export type CheckInBody = Omit<CheckIn, "nonce" | "n" | "facts" | "identity">;

export interface CheckInOptions {
  readonly ways: Ways;
  readonly identityKey: Signer;
  /** The cluster's statement of who this agent is, for when it does not know it any more. */
  readonly identity: string;
  readonly clock: Clock;
  /** What to report, at the moment it is sent. */
  report(): CheckInBody;
  facts(): Facts;
  /**
   * Verifies the answer to the request with this nonce, sent `ageMs` ago, and applies it.
   *
   * @throws {MessageRefused} not a valid answer
   */
  receive(answer: string, nonce: string, ageMs: number): { holdMs: number; afterMs: number };
  newNonce(): string;
  /** Uniform in [0, 1): spreads the agents. */
  random(): number;
  log(line: string): void;
}

/** How the last check-in went. */
export interface LinkStatus {
  /** Reading of interrupt time at the last valid answer. */
  readonly reachedAtMs?: number;
  /** Why there has been none since; unsigned, for people. */
  readonly trouble?: string;
}

export interface CheckIns {
  /** Something has changed here: the held request is given up for a new one. */
  now(): void;
  status(): LinkStatus;
  /** Ends the one under way. Resolves when nothing will be called any more. */
  stop(): Promise<void>;
}

/** Checks in with the cluster, one held request after another, until stopped. */
export function startCheckIns(options: CheckInOptions): CheckIns {
  const { clock } = options;
  let stopped = false;
  let n = 0;
  let failures = 0;
  let holdMs = maxHoldMs;
  let knownFacts: string | undefined;
  /** The last response said that the cluster does not know this agent: it may have lost it, and is reminded. */
  let unknown = false;
  let status: LinkStatus = {};
  let wanted = false;
  let sentAtMs = Number.NEGATIVE_INFINITY;
  let interrupt: () => void = () => {};
  const running = loop();

  return {
    now() {
      wanted = true;
      interrupt();
    },
    status: () => status,
    async stop() {
      stopped = true;
      interrupt();
      await running;
    },
  };

  async function loop(): Promise<void> {
    while (!stopped) {
      wanted = false;
      const { pauseMs, patient } = await checkIn();
      await sleep(pauseMs, () => stopped || (wanted && !patient));
      // One caused by a local change still keeps its distance from the one before.
      if (wanted) await sleep(sentAtMs + promptCheckInGapMs - clock.interruptMs(), () => stopped);
    }
  }

  /** One request and its answer; resolves to the pause after it. */
  async function checkIn(): Promise<Pause> {
    const givenUp = new AbortController();
    interrupt = () => givenUp.abort();
    sentAtMs = clock.interruptMs();
    // All of it: whatever fails here, be it a mistake of ours, the next turn comes.
    try {
      const { exchange, isProven } = options.ways.current();
      const nonce = options.newNonce();
      const facts = options.facts();
      const factsText = JSON.stringify(facts);
      const report = options.report();
      const claims: CheckIn = {
        ...report,
        nonce,
        n: ++n,
        // With its facts an agent is answered at once: whether the cluster is at another address shows without a wait.
        ...(factsText === knownFacts && !unknown && isProven ? {} : { facts }),
        ...(unknown ? { identity: options.identity, journal: { ...report.journal, entries: [] } } : {}),
      };
      const body = JSON.stringify({ request: await sealCheckIn(claims, options.identityKey) });
      const response = await exchange("/agent/v1/check-in", body, {
        timeoutMs: isProven ? holdMs + requestTimeoutMs : requestTimeoutMs,
        signal: givenUp.signal,
      });
      const answer = response.status === 200 ? unverifiedAnswer(response) : undefined;
      if (answer === undefined) return refused(response);
      const next = options.receive(answer, nonce, clock.interruptMs() - sentAtMs);
      options.ways.answered();
      knownFacts = factsText;
      unknown = false;
      failures = 0;
      holdMs = next.holdMs;
      status = { reachedAtMs: clock.interruptMs() };
      return { pauseMs: next.afterMs, patient: false };
    } catch (error) {
      if (givenUp.signal.aborted) return { pauseMs: 0, patient: false };
      const trouble = troubleOf(error);
      if (trouble === ownFailure && status.trouble !== trouble)
        options.log(`check-in failed in the agent itself: ${String(error)}`);
      return failed(trouble);
    }
  }

  /** A response that is no answer. It steers the pause and nothing else. */
  function refused(response: UnverifiedResponse): Pause {
    unknown = response.status === 401;
    const { pauseMs } = failed(unverifiedProblemCode(response), response.retryAfterMs);
    const lasting = response.status === 403 || response.status === 426;
    return {
      pauseMs: lasting ? pauseMs + Math.floor(options.random() * refusedByClusterMs) : pauseMs,
      patient: response.retryAfterMs !== undefined || lasting,
    };
  }

  function failed(trouble: string, atLeastMs?: number): Pause {
    failures += 1;
    if (status.trouble !== trouble) options.log(`check-in: ${trouble}`);
    status = { ...status, trouble };
    // Where the cluster was before is asked at once; only when none of its addresses answers is there a pause.
    if (options.ways.failed() && atLeastMs === undefined) return { pauseMs: 0, patient: false };
    return { pauseMs: backoffMs(failures, options.random, atLeastMs), patient: false };
  }

  /** Waits until the time is over, or a call of `interrupt` finds `enough`. */
  function sleep(ms: number, enough: () => boolean): Promise<void> {
    if (ms <= 0 || enough()) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(end, ms);
      interrupt = () => {
        if (enough()) end();
      };
    });
  }
}

interface Pause {
  readonly pauseMs: number;
  /** The cluster asked for it: local changes wait too. */
  readonly patient: boolean;
}

/** Neither the network's nor the cluster's doing. */
const ownFailure = "internal_error";

function troubleOf(error: unknown): string {
  if (error instanceof NoResponse) return error.code;
  if (error instanceof NotSaved) return "not_saved";
  if (error instanceof MessageRefused) return `answer_${error.reason}`;
  return ownFailure;
}
