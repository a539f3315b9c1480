/** The service itself, its key, and each key beneath that by its path from there. */
export type ObjectId = "service" | `key${string}`;

/** One thing of a service that has a security descriptor, in SDDL as Windows writes it: owner and DACL. */
export interface SecuredObject {
  readonly id: ObjectId;
  readonly descriptor: string;
}

/** What the service manager does when the service fails, as the service manager knows it (SERVICE_FAILURE_ACTIONSW). */
export interface FailureActions {
  readonly resetSeconds: number;
  readonly rebootMessage: string;
  readonly command: string;
  readonly actions: readonly { readonly type: number; readonly delayMs: number }[];
  readonly alsoWithoutCrash: boolean;
}

/**
 * What a guarded service was like before the guard: kept from before the first change until all of it is back.
 */
export interface Originals {
  /** As the service was listed; services are told apart whatever their case. */
  readonly name: string;
  readonly objects: readonly SecuredObject[];
  /** Left out where the service manager knows no such thing. */
  readonly failureActions?: FailureActions;
  /** Every descriptor that this guard set here or was about to: whatever has one of them was set by it. */
  readonly ours: readonly string[];
}

export type OriginalsByName = ReadonlyMap<string, Originals>;

export const keyOf = (name: string): string => name.toLowerCase();

export function originalOf(originals: Originals | undefined, id: ObjectId): string | undefined {
  return originals?.objects.find((object) => sameObject(object.id, id))?.descriptor;
}

/** Names of keys, too, are the same in any case. */
export function sameObject(one: ObjectId, other: ObjectId): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** Adds what is not known yet. What is known stays: an original is never written over while its service is guarded. */
export function withFound(known: Originals | undefined, found: Originals): Originals {
  if (known === undefined) return found;
  const objects = found.objects.filter(({ id }) => originalOf(known, id) === undefined);
  const ours = found.ours.filter((descriptor) => !known.ours.includes(descriptor));
  return { ...known, objects: [...known.objects, ...objects], ours: [...known.ours, ...ours] };
}
