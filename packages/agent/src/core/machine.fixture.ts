import { openTrustBundle, pinsOf, type ServiceProtection, type TrustBundle } from "@postern/protocol";
import type { Authority } from "../authority.fixture.ts";
import type { Effect } from "./effects.ts";
import { type ReceivedAnswer, receiveAnswer } from "./receive-answer.ts";
import type { Redemption } from "./redeem.ts";
import { begin, enrolledState } from "./start.ts";
import { type AgentState, liftLeftMs, type PersistedState, persistedOf, type Upkeep } from "./state.ts";
import { type AgentEvent, type Outcome, step } from "./step.ts";
import { isOpenForInstaller } from "./update.ts";

/** The moment at which these tests begin, unix seconds. */
export const epoch = Date.UTC(2026, 10, 24, 14, 0) / 1000;

/** The core on a machine whose clocks, disk and guard are a few variables. True time is what no agent can see. */
export class Machine {
  readonly authority: Authority;
  readonly journal: { kind: string; data: Readonly<Record<string, unknown>> }[] = [];
  /** What the guard was last told. */
  guard: "armed" | "disarmed" | "untouched" = "untouched";
  trueMs = epoch * 1000;
  /** What the system clock says more than true time. */
  clockOffsetMs = 0;
  /** Whether it leaves the way open on which an installer stops the service. */
  openForInstaller = false;
  /** Of the program that the service manager starts. */
  version = "1.0.0";
  supported = true;
  journalFull = false;
  effects: readonly Effect[] = [];
  persisted: PersistedState;
  #bootedAtMs: number;
  #bundle: TrustBundle;
  #state: AgentState | undefined;

  private constructor(authority: Authority, bundle: string) {
    this.authority = authority;
    this.#bootedAtMs = this.trueMs - 3_600_000;
    this.#bundle = openTrustBundle(bundle, pinsOf(authority.rootThumbprint));
    this.persisted = enrolledState({ bundle, iat: epoch });
  }

  /** An agent that has enrolled and been given `profile`. */
  static async enrolled(authority: Authority, profile: Partial<ServiceProtection> = {}): Promise<Machine> {
    const machine = new Machine(authority, await authority.bundle(epoch));
    machine.start();
    await machine.checkIn({ profile });
    return machine;
  }

  get state(): AgentState {
    if (!this.#state) throw new Error("the service is not running");
    return this.#state;
  }

  get protection(): string {
    return this.state.protection.state;
  }

  get leftSeconds(): number {
    return liftLeftMs(this.state) / 1000;
  }

  get trustedSeconds(): number {
    return this.state.time.trustedMs / 1000;
  }

  kinds(): string[] {
    return this.journal.map(({ kind }) => kind);
  }

  /** A new service process. */
  start(): void {
    const changed = begin(this.persisted, {
      supported: this.supported,
      readings: { systemMs: this.trueMs + this.clockOffsetMs, interruptMs: this.#interruptMs() },
      builtAtMs: 0,
      agentVersion: this.version,
      journalFull: this.journalFull,
    });
    this.#carryOut(changed.state, changed.effects);
  }

  /** An orderly end of the service and a new process. */
  restart(): void {
    this.send({ type: "stopping", reason: "stop" });
    this.start();
  }

  /** The process ends without a word and starts again, `downSeconds` later. */
  crash(downSeconds = 0): void {
    this.trueMs += downSeconds * 1000;
    this.start();
  }

  /** An orderly shutdown; the machine comes back after `offSeconds`, its clock moved by `clockShiftSeconds`. */
  reboot(offSeconds = 30, clockShiftSeconds = 0): void {
    this.send({ type: "stopping", reason: "shutdown" });
    this.trueMs += offSeconds * 1000;
    this.clockOffsetMs += clockShiftSeconds * 1000;
    this.#bootedAtMs = this.trueMs;
    this.start();
  }

  /** Time passes while the service runs; it persists as often as the real one. */
  run(seconds: number): void {
    for (let left = seconds; left > 0; ) {
      const chunk = Math.min(left, 30, Math.max(this.leftSeconds, this.protection === "lifted" ? 0.001 : 30));
      this.trueMs += chunk * 1000;
      left -= chunk;
      this.send({ type: "tick" });
    }
  }

  send(event: AgentEvent): Outcome {
    const { state, effects, outcome } = step(this.state, event, {
      interruptMs: this.#interruptMs(),
      supported: this.supported,
      trust: { ...this.authority, tokenKeys: this.#bundle.tokenKeys },
      journalFull: this.journalFull,
    });
    this.#carryOut(state, effects);
    return outcome;
  }

  redeem(token: string): Redemption {
    const outcome = this.send({ type: "redeem", token });
    if (!outcome || !("accepted" in outcome || "refused" in outcome)) throw new Error("no answer to a token");
    return outcome;
  }

  /** The same as one word. */
  present(token: string): string {
    const outcome = this.redeem(token);
    return "accepted" in outcome ? outcome.accepted : outcome.refused;
  }

  /** Reaches the cluster, whose clock is true time; a `profile` makes a new revision. */
  async checkIn(
    given: {
      profile?: Partial<ServiceProtection>;
      upkeep?: Upkeep;
      revoked?: string[];
      ageMs?: number;
      clusterSeconds?: number;
    } = {},
  ): Promise<void> {
    const iat = given.clusterSeconds ?? Math.floor(this.trueMs / 1000);
    const rev = this.state.rev + (given.profile ? 1 : 0);
    const nonce = "A".repeat(22);
    const config = given.profile ? { config: await this.authority.config(rev, iat, given.profile, given.upkeep) } : {};
    const answer = await this.authority.answer({ nonce, iat, rev, revoked: given.revoked ?? [], ...config });
    this.answered(this.receive(answer, nonce), given.ageMs ?? 0);
  }

  receive(answer: string, nonce: string): ReceivedAnswer {
    return receiveAnswer(answer, {
      bundle: this.#bundle,
      tenantId: this.authority.tenantId,
      agentId: this.authority.agentId,
      nonce,
      appliedRev: this.state.rev,
    });
  }

  answered(received: ReceivedAnswer, ageMs = 0): void {
    this.send({ type: "answered", received, ageMs });
  }

  /** A token that the cluster makes at this moment of true time. */
  token(claims: Parameters<Authority["token"]>[1] = {}): Promise<string> {
    return this.authority.token(Math.floor(this.trueMs / 1000), claims);
  }

  #interruptMs(): number {
    return Math.round(this.trueMs - this.#bootedAtMs);
  }

  #carryOut(state: AgentState, effects: readonly Effect[]): void {
    this.effects = effects;
    for (const effect of effects) {
      if (effect.type === "journal") this.journal.push({ kind: effect.kind, data: effect.data });
      // As it would come back from the disk.
      if (effect.type === "persist") this.persisted = JSON.parse(JSON.stringify(persistedOf(state))) as PersistedState;
      if (effect.type === "arm") {
        this.guard = "armed";
        this.openForInstaller = isOpenForInstaller(state);
      }
      if (effect.type === "disarm") this.guard = "disarmed";
    }
    this.#state = state;
  }
}
