import { createPresence, type Presence } from "../agents/presence.ts";
import type { Audit } from "../audit/record.ts";
import type { ChangeFeed, ChangePublisher } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import type { NewId, RandomBytes } from "../db/ids.ts";
import type { LiveClusterKeys } from "../keys/live-keys.ts";
import type { Store } from "../schema.ts";
import { createHeldCheckIns, type HeldCheckIns } from "./held.ts";
import type { CheckInTiming } from "./timing.ts";
import { createToldRevocations, type ToldRevocations } from "./told-revocations.ts";

/** What check-ins need of the rest of the cluster. */
export interface CheckInOptions {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
  readonly keys: LiveClusterKeys;
  readonly feed: ChangeFeed & ChangePublisher;
  readonly timing: CheckInTiming;
}

/** With what they keep themselves. */
export interface CheckInServices extends CheckInOptions {
  readonly presence: Presence;
  readonly held: HeldCheckIns;
  readonly toldRevocations: ToldRevocations;
}

export function createCheckInServices(options: CheckInOptions): CheckInServices {
  return {
    ...options,
    presence: createPresence(options.store.durable),
    held: createHeldCheckIns(),
    toldRevocations: createToldRevocations(),
  };
}
