/**
 * Security descriptors of services and registry keys as Windows writes them: owner and DACL in SDDL (MS-DTYP §2.5.1),
 * compared as what they mean for the kind of object they are of.
 */
export interface DescriptorParts {
  /** With its `O:`; empty where the text names none. */
  readonly owner: string;
  /** `P` and others; `NO_ACCESS_CONTROL` where there is no DACL, which is access for everybody. */
  readonly flags: string;
  /** Each with its parentheses. */
  readonly entries: readonly string[];
}

/** The owner, and the DACL with all that follows it: only these two are ever read. */
export function descriptorParts(sddl: string): DescriptorParts {
  const at = sddl.indexOf("D:");
  const owner = /^O:.*/.exec(at === -1 ? sddl : sddl.slice(0, at))?.[0] ?? "";
  if (at === -1) return { owner, flags: "NO_ACCESS_CONTROL", entries: [] };
  const dacl = sddl.slice(at + 2);
  const first = dacl.indexOf("(");
  return { owner, flags: first === -1 ? dacl : dacl.slice(0, first), entries: entriesOf(dacl) };
}

/** Parentheses may stand within an entry, where it has a condition. */
function entriesOf(dacl: string): string[] {
  const entries: string[] = [];
  let depth = 0;
  let from = 0;
  for (const [at, character] of [...dacl].entries()) {
    if (character === "(" && depth++ === 0) from = at;
    if (character === ")" && --depth === 0) entries.push(dacl.slice(from, at + 1));
  }
  return entries;
}

/** Which of the two kinds of object: keys inherit, services do not. */
export type ObjectKind = "service" | "key";

/** Whether an object's DACL is this one. That one of a service is closed to inheritance means nothing. */
export function isSameDacl(kind: ObjectKind, one: DescriptorParts, other: DescriptorParts): boolean {
  if (!hasDacl(one) || !hasDacl(other)) return hasDacl(one) === hasDacl(other);
  if (kind === "key" && isClosed(one) !== isClosed(other)) return false;
  return sameList(one.entries, other.entries);
}

/**
 * The same, but for what it gives to its owner: when somebody takes ownership, Windows takes such entries out, or leaves
 * them to those beneath.
 */
export function isSameButForOwner(kind: ObjectKind, one: DescriptorParts, other: DescriptorParts): boolean {
  return isSameDacl(kind, withoutOwnerRights(one), withoutOwnerRights(other));
}

function withoutOwnerRights(parts: DescriptorParts): DescriptorParts {
  return { ...parts, entries: parts.entries.filter((entry) => !entry.endsWith(";OW)")) };
}

/** Whether a key has of its parent what this closed DACL gives to those in it, and nothing of its own. */
export function isInheritedFrom(key: DescriptorParts, parent: DescriptorParts): boolean {
  if (!hasDacl(key) || isClosed(key) || ownEntries(key).length > 0) return false;
  const given = parent.entries.filter((entry) => aceFlags(entry).includes("CI"));
  return sameList(key.entries.map(withoutFlags), given.map(withoutFlags));
}

/** What a new key has beneath one with this descriptor, as its inherited DACL; nothing of its own. */
export function inheritedFrom(parent: DescriptorParts): string {
  const given = parent.entries.filter((entry) => aceFlags(entry).includes("CI"));
  return `D:AI${given.map((entry) => entry.replace(/^\(([A-Z]+);[A-Z]*;/, "($1;CIID;")).join("")}`;
}

export function hasDacl({ flags }: DescriptorParts): boolean {
  return !flags.includes("NO_ACCESS_CONTROL");
}

/** Nothing comes from the parent. */
export function isClosed({ flags }: DescriptorParts): boolean {
  return flags.includes("P");
}

function ownEntries({ entries }: DescriptorParts): readonly string[] {
  return entries.filter((entry) => !aceFlags(entry).includes("ID"));
}

/** Pairs of letters: CI, OI, NP, IO, ID. */
function aceFlags(entry: string): readonly string[] {
  return (entry.split(";")[1] ?? "").match(/../g) ?? [];
}

function withoutFlags(entry: string): string {
  return entry.replace(/^\(([A-Z]+);[A-Z]*;/, "($1;;");
}

function sameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((entry, at) => entry === other[at]);
}
