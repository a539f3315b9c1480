import { Problem } from "../http/problems.ts";
import { changeKeys, type KeyChange, type KeyOrder, type KeyServices, replaceableUses } from "./change-keys.ts";

/**
 * Says that somebody else may have a key: it never signs again, whatever coverage costs, and agents take nothing of it
 * once they have the next trust bundle. A new key takes the place of an active one. Saying it again changes nothing.
 *
 * @throws {Problem} not_found, key_not_replaceable, root_key_missing
 */
export function compromiseKey(services: KeyServices, kid: string, order: KeyOrder): Promise<KeyChange> {
  return changeKeys(services, order, (rows) => {
    const row = rows.find((one) => one.kid === kid);
    if (row === undefined) throw new Problem("not_found", "There is no such key.");
    const use = replaceableUses.find((one) => one === row.use);
    if (use === undefined) throw new Problem("key_not_replaceable", `This is the cluster's ${row.use} key.`);
    if (row.state === "compromised") return null;
    return {
      action: "key.compromise",
      kid,
      states: new Map([[kid, "compromised"]]),
      makes: row.state === "active" ? use : null,
    };
  });
}
