import type { Audit } from "../audit/record.ts";
import type { ChangePublisher } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import type { Deployment } from "../config/config.ts";
import type { NewId } from "../db/ids.ts";
import type { RequestAccess } from "../http/access.ts";
import type { Origin } from "../http/origin.ts";
import type { Principal } from "../identity/principal.ts";
import type { LiveClusterKeys } from "../keys/live-keys.ts";
import type { Store, Tx } from "../schema.ts";
import type { TokenRate } from "./token-rate.ts";

export interface TokenServices {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly keys: LiveClusterKeys;
  readonly deployment: Deployment;
  readonly feed: ChangePublisher;
  readonly rate: TokenRate;
  /** Told, in a transaction of its own, that what is stored of a token is not what was signed. */
  readonly whenAltered: (tx: Tx, tokenId: string) => Promise<void>;
}

/** Who asks for a token, with what right, from where. */
export interface Asker {
  readonly principal: Principal;
  readonly access: RequestAccess;
  readonly origin: Origin;
}
