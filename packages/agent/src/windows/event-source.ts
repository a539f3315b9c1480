import { expandableText, numberValue, setExpandableText, setNumber } from "./registry.ts";
import type { EventSource } from "./wanted-guard.ts";

const messageFileValue = "EventMessageFile";
const typesValue = "TypesSupported";

/** What of the registration is not as wanted, in a word; undefined when all is. */
export function eventSourceDrift({ key, messageFile, types }: EventSource): string | undefined {
  if (expandableText(key, messageFileValue) !== messageFile) return messageFileValue;
  return numberValue(key, typesValue) === types ? undefined : typesValue;
}

/**
 * Registers the source; the installer does the same.
 *
 * @throws {WindowsError}
 */
export function registerEventSource({ key, messageFile, types }: EventSource): void {
  setExpandableText(key, messageFileValue, messageFile);
  setNumber(key, typesValue, types);
}
