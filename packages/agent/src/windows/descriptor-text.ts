/**
 * Whether two DACLs in SDDL say the same: the same entries in the same order, and both or neither closed to what the
 * parent gives. Both have to come from Windows' own conversion, which writes each right in one way only. Owner, group and
 * the flags that tell how a DACL came about count for nothing.
 */
export function sameDacl(one: string, other: string): boolean {
  const [first, second] = [daclOf(one), daclOf(other)];
  return first !== undefined && second !== undefined && first === second;
}

/**
 * What of a descriptor is not as wanted, in a word; undefined when all is. Both have to come from Windows' own conversion.
 * Where no owner is wanted, every one will do.
 */
export function descriptorDrift(actual: string, wanted: string): "owner" | "descriptor" | undefined {
  if (!sameDacl(actual, wanted)) return "descriptor";
  const owner = ownerOf(wanted);
  return owner === undefined || ownerOf(actual) === owner ? undefined : "owner";
}

/** Whether a DACL has nothing but what the parent gives: open to it, and each entry inherited. */
export function inheritsAll(sddl: string): boolean {
  const dacl = daclOf(sddl);
  if (dacl === undefined || dacl.startsWith("P")) return false;
  return [...dacl.matchAll(/\([A-Z]+;([A-Z]*);/g)].every(([, flags]) => /^(?:[A-Z]{2})*ID/.test(flags ?? ""));
}

/** Whether a DACL takes nothing from its parent. */
export function isClosed(sddl: string): boolean {
  return daclOf(sddl)?.startsWith("P") === true;
}

/** The same DACL, no longer closed to what the parent gives. */
export function opened(sddl: string): string {
  return sddl.replace(/D:[A-Z]*/, "D:");
}

/** The owner that an SDDL names: an alias of two letters, or a SID. */
export function ownerOf(sddl: string): string | undefined {
  return /^O:(S-[\d-]+|[A-Z]{2})/.exec(sddl)?.[1];
}

/**
 * Whether a file's DACL gives what that of its folder gives to those in it: the same rights to the same, and none of the
 * file's own.
 */
export function sameAccess(file: string, folder: string): boolean {
  const [given, wanted] = [accessOf(file), accessOf(folder)];
  return given !== undefined && given === wanted;
}

/**
 * The entries without the flags that tell where they came from and who inherits them. One that only those inside inherit
 * gives nothing here: that is what Windows makes of the owner's entry when somebody takes ownership.
 */
function accessOf(sddl: string): string | undefined {
  return daclOf(sddl)
    ?.replace(/^P/, "")
    .replace(/\([A-Z]+;(?:[A-Z]{2})*?IO[A-Z]*;[^)]*\)/g, "")
    .replace(/\(([A-Z]+);[A-Z]*;/g, "($1;;");
}

function daclOf(sddl: string): string | undefined {
  const dacl = /D:([A-Z_]*)((?:\([^)]*\))*)/.exec(sddl);
  if (!dacl || dacl[1]?.includes("NO_ACCESS_CONTROL")) return undefined;
  return `${dacl[1]?.includes("P") ? "P" : ""}${dacl[2]}`;
}
