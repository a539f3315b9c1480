import { changeKeys, type KeyChange, type KeyOrder, type KeyServices, type RotatableUse } from "./change-keys.ts";
import type { KeyState } from "./tables.ts";

/**
 * Makes a new token, config or audit key the active one. Of a token or config key the one before stays in the trust bundle
 * as `retiring`; the one before that leaves it and is `retired`: it signs again only what it signed, and new agent tokens
 * for agents that hold nothing newer. An audit key is in no bundle: it signs one more checkpoint, which names its successor.
 *
 * @throws {Problem} root_key_missing
 */
export function rotateKey(services: KeyServices, use: RotatableUse, order: KeyOrder): Promise<KeyChange> {
  return changeKeys(services, order, (rows) => {
    const states = new Map<string, KeyState>();
    for (const row of rows) {
      if (row.use !== use) continue;
      if (row.state === "active") states.set(row.kid, use === "audit" ? "retired" : "retiring");
      if (row.state === "retiring") states.set(row.kid, "retired");
    }
    return { action: "key.rotate", kid: null, states, makes: use };
  });
}
