import { changeKeys, type KeyChange, type KeyOrder, type KeyServices, type ReplaceableUse } from "./change-keys.ts";
import type { KeyState } from "./tables.ts";

/**
 * Makes a new token or config key the active one. The one before stays in the trust bundle as `retiring`; the one before
 * that leaves it and is `retired`: it signs again only what it signed, and new agent tokens for agents that hold nothing
 * newer.
 *
 * @throws {Problem} root_key_missing
 */
export function rotateKey(services: KeyServices, use: ReplaceableUse, order: KeyOrder): Promise<KeyChange> {
  return changeKeys(services, order, (rows) => {
    const states = new Map<string, KeyState>();
    for (const row of rows) {
      if (row.use !== use) continue;
      if (row.state === "active") states.set(row.kid, "retiring");
      if (row.state === "retiring") states.set(row.kid, "retired");
    }
    return { action: "key.rotate", kid: null, states, makes: use };
  });
}
