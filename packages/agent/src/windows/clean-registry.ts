import { withoutRenamesOf } from "./pending-renames.ts";
import { deleteKey, keyExists, setTextList, textList } from "./registry.ts";
import type { CleanRegistry } from "./wanted-guard.ts";

/**
 * What names us that must not, in a few words; undefined when nothing does.
 *
 * @throws {WindowsError}
 */
export function uncleanIn({ absentKeys, pendingRenames }: CleanRegistry): string | undefined {
  const key = absentKeys.find(keyExists);
  if (key !== undefined) return key.split("\\").slice(-2).join("\\");
  return pendingRenames.values.find((name) => renamesIn(pendingRenames, name).ours);
}

/**
 * Takes out what names us; what names others stays.
 *
 * @throws {WindowsError}
 */
export function clean({ absentKeys, pendingRenames }: CleanRegistry): void {
  for (const key of absentKeys) if (keyExists(key)) deleteKey(key);
  for (const name of pendingRenames.values) {
    const { ours, rest } = renamesIn(pendingRenames, name);
    if (ours) setTextList(pendingRenames.key, name, rest);
  }
}

function renamesIn({ key, mustNotName }: CleanRegistry["pendingRenames"], name: string) {
  const list = textList(key, name) ?? [];
  const rest = withoutRenamesOf(mustNotName, list);
  // One text without its pair renames nothing.
  return { ours: rest.length < list.length - (list.length % 2), rest };
}

/** The keys in which something would have to appear. */
export function keysToWatch({ absentKeys, pendingRenames }: CleanRegistry): string[] {
  return [...absentKeys.map((key) => key.slice(0, key.lastIndexOf("\\"))), pendingRenames.key];
}
