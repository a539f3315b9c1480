import { isDeepStrictEqual } from "node:util";
import {
  type DescriptorParts,
  descriptorParts,
  hasDacl,
  inheritedFrom,
  isClosed,
  isInheritedFrom,
  isSameButForOwner,
  isSameDacl,
  type ObjectKind,
} from "./descriptor-parts.ts";
import {
  type FailureActions,
  type ObjectId,
  type Originals,
  originalOf,
  type SecuredObject,
  withFound,
} from "./originals.ts";
import type { ServiceProgram, ServiceRefusal } from "./refusals.ts";
import type { WantedDescriptors } from "./wanted-descriptors.ts";

/** A service as it is found. */
export interface PresentService {
  readonly program: ServiceProgram;
  /** The service, then its key and those beneath it, parents first. */
  readonly objects: readonly SecuredObject[];
  readonly failureActions?: FailureActions;
}

/** What a service is to the guard, as it is reported. */
export type OtherServiceState =
  | ServiceRefusal
  | "guarded"
  /** As it was, since protection is not on. */
  | "not_guarded"
  | "not_present"
  /** Something of it has a descriptor that is neither the guard's nor the original: that is left alone. */
  | "foreign_descriptor"
  /** It has the guard's descriptors, and what it had before is not known. */
  | "original_lost"
  /** What services had before cannot be read: none of them is touched. */
  | "originals_unreadable"
  | "failed";

/** What is to be done with one service: first keep the originals, durably, then set. */
export interface ServicePlan {
  readonly state: OtherServiceState;
  /** To be kept before anything is set; undefined: no longer, once all is set. */
  readonly originals: Originals | undefined;
  readonly set: readonly SecuredObject[];
  /** To be set before the descriptors, which may take the right to it away. */
  readonly failureActions?: FailureActions;
  /** What had been guarded and is not any more, by somebody else's hand. */
  readonly changed: readonly ObjectId[];
  /** What is left alone. */
  readonly foreign: readonly ObjectId[];
}

const untouched = { set: [], changed: [], foreign: [] } as const;

/**
 * What guarding this service takes.
 *
 * A service is judged before the first change only: one that is guarded stays it, whatever is made of its program since.
 */
export function planGuard(
  name: string,
  present: PresentService | undefined,
  known: Originals | undefined,
  wanted: WantedDescriptors,
  ours: readonly string[],
  refusal: ServiceRefusal | undefined,
): ServicePlan {
  // What it had went with it; should it come again, that is another service.
  if (!present) return { state: "not_present", originals: undefined, ...untouched };
  if (!known) {
    if (present.objects.some((object) => isOurs(object, ours))) return lost();
    if (refusal) return { state: refusal, originals: undefined, ...untouched };
  }
  const ourOwn = [...ours, ...(known?.ours ?? [])];
  const found: SecuredObject[] = [];
  const set: SecuredObject[] = [];
  const changed: ObjectId[] = [];
  const foreign: ObjectId[] = [];
  for (const object of present.objects) {
    const { id, descriptor } = object;
    const original = originalOf(known, id);
    const target = { id, descriptor: wantedFor(id, original ?? descriptor, wanted) };
    if (isInherited(object, present.objects, ourOwn)) continue;
    if (isOurs(object, ourOwn)) {
      if (isExactly(object, target.descriptor)) continue;
      set.push(target);
      // Another of our own descriptors is nobody else's doing; an owner is that took it.
      const { owner } = descriptorParts(descriptor);
      const asSet = ourOwn.some((one) => isSame(object, one));
      if (!asSet || owner !== descriptorParts(target.descriptor).owner) changed.push(id);
    } else if (!hasDacl(descriptorParts(descriptor)) || (original !== undefined && !isSame(object, original))) {
      foreign.push(id);
      if (original !== undefined) changed.push(id);
    } else {
      set.push(target);
      if (original === undefined) found.push(object);
      else changed.push(id);
    }
  }
  const kept = {
    name,
    objects: found,
    ...(present.failureActions ? { failureActions: present.failureActions } : {}),
    ours: [wanted.service, wanted.key],
  };
  const state = foreign.length > 0 ? "foreign_descriptor" : "guarded";
  return { state, originals: withFound(known, kept), set, changed, foreign };
}

/** What giving a service back takes. */
export function planRestore(
  present: PresentService | undefined,
  known: Originals | undefined,
  ours: readonly string[],
): ServicePlan {
  if (!present) return { state: "not_present", originals: undefined, ...untouched };
  if (!known) {
    if (present.objects.some((object) => isOurs(object, ours))) return lost();
    return { state: "not_guarded", originals: undefined, ...untouched };
  }
  const ourOwn = [...ours, ...known.ours];
  const set: SecuredObject[] = [];
  const foreign: ObjectId[] = [];
  for (const object of present.objects) {
    const { id } = object;
    const original = originalOf(known, id);
    if (original === undefined) {
      // Made since, and in it what the guard gave to those beneath.
      const parent = nearestOriginal(known, id);
      if (parent !== undefined && (isOurs(object, ourOwn) || isInherited(object, present.objects, ourOwn)))
        set.push({ id, descriptor: inheritedFrom(descriptorParts(parent)) });
    } else if (isOurs(object, ourOwn) || isSame(object, original)) {
      if (!isExactly(object, original)) set.push({ id, descriptor: original });
    } else {
      foreign.push(id);
    }
  }
  const { failureActions } = known;
  const actionsChanged = failureActions !== undefined && !isDeepStrictEqual(present.failureActions, failureActions);
  return {
    state: foreign.length > 0 ? "foreign_descriptor" : "not_guarded",
    originals: undefined,
    set,
    ...(actionsChanged ? { failureActions } : {}),
    changed: [],
    foreign,
  };
}

/** Whether an object has what was to be set: its DACL, and its owner where one was named. */
export function isSet(object: SecuredObject, wanted: string): boolean {
  const { owner } = descriptorParts(wanted);
  return isSame(object, wanted) && (owner === "" || owner === descriptorParts(object.descriptor).owner);
}

/** Guarded by an agent whose memory of it is gone: nothing is known that could be given back, and nothing is invented. */
function lost(): ServicePlan {
  return { state: "original_lost", originals: undefined, ...untouched };
}

function wantedFor(id: ObjectId, original: string, wanted: WantedDescriptors): string {
  const { owner } = descriptorParts(original);
  // Each is left no more than reading. Another owner than these two stays: who is given up cannot always be made it again.
  const isOrdinary = owner === "" || owner === "O:SY" || owner === "O:BA";
  if (id === "service") return isOrdinary ? wanted.service : wanted.service.replace(/^O:SY/, owner);
  return `${owner}${wanted.key}`;
}

const kindOf = (id: ObjectId): ObjectKind => (id === "service" ? "service" : "key");

function isSame({ id, descriptor }: SecuredObject, other: string): boolean {
  return isSameDacl(kindOf(id), descriptorParts(descriptor), descriptorParts(other));
}

/** Beside the DACL the owner, too. */
function isExactly(object: SecuredObject, other: string): boolean {
  return isSame(object, other) && descriptorParts(object.descriptor).owner === descriptorParts(other).owner;
}

function isOurs(object: SecuredObject, ours: readonly string[]): boolean {
  const parts = descriptorParts(object.descriptor);
  return ours.some(
    (one) => isOfKind(object.id, one) && isSameButForOwner(kindOf(object.id), parts, descriptorParts(one)),
  );
}

/** A key that has only what one of our descriptors above it gives. */
function isInherited(
  { id, descriptor }: SecuredObject,
  all: readonly SecuredObject[],
  ours: readonly string[],
): boolean {
  if (id === "service" || id === "key") return false;
  const parts = descriptorParts(descriptor);
  return (
    ours.some((one) => isOfKind(id, one) && isInheritedFrom(parts, descriptorParts(one))) &&
    all.some((other) => other.id !== "service" && isAbove(other.id, id) && isOurs(other, ours))
  );
}

/** Rights of services and of keys have other names for the same bits; ours for keys are the ones that are handed on. */
function isOfKind(id: ObjectId, descriptor: string): boolean {
  const parts: DescriptorParts = descriptorParts(descriptor);
  return isClosed(parts) && parts.entries.some((entry) => entry.includes("CI")) === (id !== "service");
}

function isAbove(one: ObjectId, other: ObjectId): boolean {
  return other.toLowerCase().startsWith(`${one.toLowerCase()}\\`);
}

function nearestOriginal(known: Originals, id: ObjectId): string | undefined {
  const above = known.objects.filter((object) => object.id !== "service" && isAbove(object.id, id));
  return above.sort((a, b) => b.id.length - a.id.length)[0]?.descriptor;
}
