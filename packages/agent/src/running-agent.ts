import { isDeepStrictEqual } from "node:util";
import { openTrustBundle, type TrustBundle } from "@postern/protocol";
import type { AgentContext } from "@postern/token";
import { changesInLift } from "./changes-in-lift.ts";
import type { Changed } from "./core/effects.ts";
import { judgeToken, type Verdict } from "./core/judge-token.ts";
import { servicesToGuard } from "./core/other-services.ts";
import { type AgentState, type EntryData, type PersistedState, persistedOf } from "./core/state.ts";
import { type AgentEvent, type Outcome, type StepContext, stateAt, step } from "./core/step.ts";
import { isOpenForInstaller } from "./core/update.ts";
import type { EventReporter } from "./event-log/reporter.ts";
import { layersOf } from "./layers-of.ts";
import { messageOf } from "./message-of.ts";
import type { Clock, Drift, Guard, LayerReport, OtherService } from "./ports.ts";
import { anchoredPins } from "./store/anchored-pins.ts";
import type { Journal } from "./store/journal-file.ts";
import type { TrustAnchor } from "./store/trust-anchor.ts";

/** What a running agent works with. */
export interface AgentPorts {
  readonly clock: Clock;
  readonly guard: Guard;
  readonly journal: Journal;
  /** Durable when it returns. */
  persist(state: PersistedState): void;
  /** Tells the cluster what changed. */
  checkInNow(): void;
  readonly events?: Pick<EventReporter, "journaled">;
  log(line: string): void;
}

/** The core at work: one state, and its effects carried out. */
export interface RunningAgent {
  /**
   * Lets something happen, and returns when all of it is done.
   *
   * @throws {NotSaved} it would have taken protection off, or opened it for an update, and could not be written down:
   *   nothing has changed
   */
  apply(event: AgentEvent): Outcome;
  /** The state as of now. */
  state(): AgentState;
  /** What would become of a token, without anything becoming of it. */
  explain(token: string): Verdict;
  /** Sets the guard back where it was changed, while protection is on, and journals what was. */
  lookAfterGuard(): void;
  bundle(): TrustBundle;
  layers(): LayerReport;
  otherServices(): readonly OtherService[];
}

/** Permission to lift that leaves no trace could be used again after a power cut; so it is not given. */
export class NotSaved extends Error {
  override readonly name = "NotSaved";
}

/** Puts a started state (see `core/start.ts`) to work: carries out what the start asks for, then takes events. */
export function runAgent(anchor: TrustAnchor, start: Changed, ports: AgentPorts): RunningAgent {
  let state = start.state;
  let layers: LayerReport = {};
  let bundle = openTrustBundle(state.bundle, anchoredPins(anchor));
  const changes = changesInLift(ports.guard);
  carryOut(start);
  tellOthers();

  return {
    apply,
    state: present,
    explain: (token) => judgeToken(present(), token, trust()),
    lookAfterGuard,
    bundle: () => bundle,
    layers: () => layers,
    otherServices,
  };

  function apply(event: AgentEvent): Outcome {
    const { outcome, ...changed } = step(state, event, context());
    const disarms = changed.effects.some((effect) => effect.type === "disarm");
    const { grant } = changed.state;
    carryOut(changed, disarms || (grant !== undefined && grant !== state.grant));
    if (event.type === "answered") bundle = event.received.bundle;
    if (changed.effects.some(({ type }) => type === "arm" || type === "disarm")) tellOthers();
    return outcome;
  }

  /** What became of other services is known only once the guard has been set. */
  function tellOthers(): void {
    const services = otherServices();
    if (services.length > 0) apply({ type: "othersSettled", services });
  }

  function otherServices(): readonly OtherService[] {
    return ports.guard.otherServices?.() ?? [];
  }

  function lookAfterGuard(): void {
    if (present().protection.state !== "on") return;
    let drifts: readonly Drift[] = [];
    const before = [layers, otherServices()];
    layers = layersOf(
      ports.guard,
      () => {
        const restored = ports.guard.restore();
        drifts = restored.drifts;
        return restored.layers;
      },
      ports.log,
    );
    if (drifts.length > 0) apply({ type: "drifted", drifts });
    else if (!isDeepStrictEqual(before, [layers, otherServices()])) ports.checkInNow();
    tellOthers();
  }

  function present(): AgentState {
    const seen = stateAt(state, context());
    if (seen) return seen;
    apply({ type: "tick" });
    return state;
  }

  function carryOut({ state: next, effects }: Changed, mustBeSaved = false): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "journal":
          record(effect.kind, effect.data, next, mustBeSaved);
          break;
        case "persist":
          save(mustBeSaved, () => ports.persist(persistedOf(next)));
          break;
        case "arm":
          layers = layersOf(
            ports.guard,
            () => ports.guard.arm(servicesToGuard(next), isOpenForInstaller(next)),
            ports.log,
          );
          break;
        case "disarm":
          if (next.liftCarried) changes.look();
          layers = layersOf(ports.guard, () => ports.guard.disarm(servicesToGuard(next)), ports.log);
          break;
        case "checkIn":
          ports.checkInNow();
          break;
      }
    }
    state = next;
  }

  /** When protection comes back, the entry says what had been changed meanwhile: the guard is not set yet. */
  function record(kind: string, data: EntryData, next: AgentState, must: boolean): void {
    const changed = kind === "rearmed" ? changes.settle(layers) : undefined;
    const whole = changed === undefined ? data : { ...data, changed };
    const times = { at: ports.clock.systemNow(), trustedAt: next.time.trustedMs };
    save(must, () => ports.journal.append({ ...times, kind, data: whole }));
    ports.events?.journaled(kind, whole);
  }

  /** Time that passes, a refusal, protection coming back: none of it waits for a disk. */
  function save(must: boolean, write: () => unknown): void {
    try {
      write();
    } catch (error) {
      ports.log(`not saved: ${messageOf(error)}`);
      if (must) throw new NotSaved("the change could not be written to disk", { cause: error });
    }
  }

  function context(): StepContext {
    return {
      interruptMs: ports.clock.interruptMs(),
      supported: ports.guard.supported,
      trust: trust(),
      journalFull: ports.journal.full(),
    };
  }

  function trust(): AgentContext {
    const { clusterId, tenantId, agentId } = anchor;
    return { tokenKeys: bundle.tokenKeys, clusterId, tenantId, agentId };
  }
}
