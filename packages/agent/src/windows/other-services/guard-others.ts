import { isDeepStrictEqual } from "node:util";
import { messageOf } from "../../message-of.ts";
import type { Drift, LayerState, OtherService } from "../../ports.ts";
import {
  type FailureActions,
  keyOf,
  type ObjectId,
  type Originals,
  type OriginalsByName,
  type SecuredObject,
  sameObject,
} from "./originals.ts";
import type { OriginalsFile } from "./originals-file.ts";
import {
  isSet,
  type OtherServiceState,
  type PresentService,
  planGuard,
  planRestore,
  type ServicePlan,
} from "./plan.ts";
import type { ServiceProgram, ServiceRefusal } from "./refusals.ts";
import type { WantedDescriptors } from "./wanted-descriptors.ts";

/** Services of this machine, as the service manager and the registry have them. All may throw what the platform says. */
export interface ServicePort {
  /** Undefined when there is no such service. */
  read(name: string): PresentService | undefined;
  set(name: string, object: SecuredObject): void;
  setFailureActions(name: string, actions: FailureActions): void;
}

export interface OtherServicesPorts {
  readonly services: ServicePort;
  readonly originals: OriginalsFile;
  /** In the form in which descriptors are read. */
  readonly wanted: WantedDescriptors;
  /** What any agent guards services with, whatever its token holds; in that form too. */
  readonly ours: readonly string[];
  refusalOf(name: string, program: ServiceProgram): ServiceRefusal | undefined;
}

/** Guards services of other vendors: their descriptors and those of their keys, and nothing more. */
export interface OtherServices {
  /**
   * Guards those services, and gives back all others that are guarded. Undefined: it is not known which are wanted, so
   * those that are guarded stay it.
   */
  arm(names: readonly string[] | undefined): void;
  /** Gives all back; `names` are those that would be guarded if protection were on. */
  disarm(names: readonly string[] | undefined): void;
  /** To be called while armed: sets back what somebody has changed since. */
  look(): readonly Drift[];
  /** What became of each service that is listed or was guarded. */
  report(): readonly OtherService[];
  /** All of it in one word; undefined when there is nothing to tell. */
  layer(): LayerState | undefined;
  /** Names of those of which anything is guarded. */
  touched(): readonly string[];
  /** Whether no service's originals are kept any more; false, too, when that cannot be told. */
  nothingKept(): boolean;
}

/** The layer's name in reports. */
export const otherServicesLayer = "otherServices";

/** What is new after a round, as a key that comes up with a descriptor's change, is settled in the next. */
const maxRounds = 3;

interface Outcome {
  readonly name: string;
  readonly state: OtherServiceState;
  /** Of what failed. */
  readonly why?: string;
  /** What somebody had changed since it was set. */
  readonly changed: readonly ObjectId[];
  /** What is not as it should be: foreign, or it could not be set. */
  readonly unheld: readonly ObjectId[];
  /** It was guarded, and is there no more. */
  readonly gone: boolean;
}

export function otherServices(ports: OtherServicesPorts): OtherServices {
  const { services, wanted, ours } = ports;
  let listed: readonly string[] = [];
  let armed = false;
  let outcomes: readonly Outcome[] = [];
  /** As the file has them: only this process changes it. */
  let kept: OriginalsByName | "unreadable" = "unreadable";

  return {
    arm(names) {
      armed = true;
      const known = readKept();
      listed = unique(names ?? (known === "unreadable" ? listed : namesOf(known)));
      outcomes = settle();
    },
    disarm(names) {
      armed = false;
      listed = unique(names ?? listed);
      outcomes = settle();
    },
    look() {
      const before = new Map(outcomes.map((outcome) => [keyOf(outcome.name), outcome]));
      outcomes = settle();
      return outcomes.flatMap((outcome) => driftOf(outcome, before.get(keyOf(outcome.name))));
    },
    report: () => outcomes.map(({ name, state }) => ({ name, state })),
    layer() {
      const bad = outcomes.find(({ state }) => troubles.has(state));
      if (bad) return `failed: ${bad.name}: ${bad.why ?? bad.state.replaceAll("_", " ")}`;
      if (kept === "unreadable") return "failed: what services had before the guard cannot be read";
      if (outcomes.length === 0) return undefined;
      return armed ? "on" : "off";
    },
    touched: () => (kept === "unreadable" ? [] : namesOf(kept)),
    nothingKept: () => kept !== "unreadable" && kept.size === 0,
  };

  /** What could not be read may be another time: a disk can come back. */
  function readKept(): OriginalsByName | "unreadable" {
    if (kept === "unreadable") kept = ports.originals.read();
    return kept;
  }

  /** Brings every service that is listed or guarded to where it belongs. */
  function settle(): readonly Outcome[] {
    const known = readKept();
    if (known === "unreadable")
      return listed.map((name) => ({ name, state: "originals_unreadable", changed: [], unheld: [], gone: false }));
    const settled = unique([...listed, ...namesOf(known)]).map(settleOne);
    // Of one that is listed no more there is nothing to tell once it has been given back.
    return settled.filter(({ name, state }) => isListed(name) || troubles.has(state));
  }

  function settleOne(name: string): Outcome {
    let outcome: Outcome = { name, state: "failed", changed: [], unheld: [], gone: false };
    try {
      for (let round = 0; round < maxRounds; round++) {
        const known = originalsOf(name);
        const plan = planOf(name, known);
        if (round === 0) outcome = outcomeOf(name, plan, known !== undefined);
        // Durable before the first change …
        if (plan.originals !== undefined) keep(name, plan.originals);
        if (plan.set.length === 0 && plan.failureActions === undefined) {
          // … and kept until all of it is back.
          if (plan.originals === undefined) keep(name, undefined);
          break;
        }
        const failed = carryOut(name, plan);
        const ids = failed.map(({ id }) => id);
        if (failed.length > 0) return failedAs(outcome, failed[0]?.why, ids);
      }
      return outcome;
    } catch (error) {
      return failedAs(outcome, messageOf(error), []);
    }
  }

  function planOf(name: string, known: Originals | undefined): ServicePlan {
    const present = services.read(name);
    if (!armed || !isListed(name)) return planRestore(present, known, ours);
    const refusal = present && !known ? ports.refusalOf(name, present.program) : undefined;
    return planGuard(name, present, known, wanted, ours, refusal);
  }

  function isListed(name: string): boolean {
    return listed.some((one) => keyOf(one) === keyOf(name));
  }

  function originalsOf(name: string): Originals | undefined {
    return kept === "unreadable" ? undefined : kept.get(keyOf(name));
  }

  function keep(name: string, originals: Originals | undefined): void {
    if (kept === "unreadable" || isDeepStrictEqual(kept.get(keyOf(name)), originals)) return;
    const next = new Map(kept);
    if (originals === undefined) next.delete(keyOf(name));
    else next.set(keyOf(name), originals);
    ports.originals.write(next);
    kept = next;
  }

  /** One that fails stops no other. */
  function carryOut(name: string, plan: ServicePlan): { id: ObjectId; why: string }[] {
    if (plan.failureActions !== undefined) services.setFailureActions(name, plan.failureActions);
    const failed = plan.set.flatMap((object) => {
      try {
        services.set(name, object);
        return [];
      } catch (error) {
        return [{ id: object.id, why: messageOf(error) }];
      }
    });
    const now = services.read(name)?.objects ?? [];
    const unkept = plan.set.flatMap(({ id, descriptor }) => {
      const object = now.find((one) => sameObject(one.id, id));
      return !object || isSet(object, descriptor) ? [] : [{ id, why: `the ${wordOf(id)} is not kept` }];
    });
    return [...failed, ...unkept];
  }
}

const troubles: ReadonlySet<OtherServiceState> = new Set(["failed", "foreign_descriptor", "original_lost"]);

function outcomeOf(name: string, { state, changed, foreign }: ServicePlan, wasGuarded: boolean): Outcome {
  return { name, state, changed, unheld: foreign, gone: wasGuarded && state === "not_present" };
}

function failedAs(outcome: Outcome, why: string | undefined, unheld: readonly ObjectId[]): Outcome {
  const all = [...outcome.unheld, ...unheld];
  return { ...outcome, state: "failed", unheld: all, ...(why === undefined ? {} : { why }) };
}

/** What could not be held before is no news. */
function driftOf({ name, changed, unheld, gone }: Outcome, before: Outcome | undefined): readonly Drift[] {
  const news = changed.filter((id) => before && !before.unheld.some((other) => sameObject(other, id)));
  const found = gone ? "service gone" : [...new Set(news.map(wordOf))].join(", ");
  if (found === "") return [];
  const setBack = !gone && !news.some((id) => unheld.some((other) => sameObject(other, id)));
  return [{ layer: otherServicesLayer, service: name, found, setBack }];
}

const wordOf = (id: ObjectId): string => (id === "service" ? "service descriptor" : "key descriptor");

function namesOf(originals: OriginalsByName): readonly string[] {
  return [...originals.values()].map(({ name }) => name);
}

/** By name whatever its case; the first spelling stays. */
function unique(names: readonly string[]): readonly string[] {
  return names.filter((name, at) => names.findIndex((other) => keyOf(other) === keyOf(name)) === at);
}
