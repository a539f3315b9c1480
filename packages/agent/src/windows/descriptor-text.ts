/**
 * Whether two DACLs in SDDL say the same: the same entries in the same order, and both or neither closed to what the
 * parent gives. Both have to come from Windows' own conversion, which writes each right in one way only. Owner, group and
 * the flags that tell how a DACL came about count for nothing.
 */
export function sameDacl(one: string, other: string): boolean {
  const [first, second] = [daclOf(one), daclOf(other)];
  return first !== undefined && second !== undefined && first === second;
}

/** Whether the text speaks of a DACL that has entries. */
export function hasEntries(sddl: string): boolean {
  return /D:[A-Z]*\(/.test(sddl);
}

function daclOf(sddl: string): string | undefined {
  const dacl = /D:([A-Z_]*)((?:\([^)]*\))*)/.exec(sddl);
  if (!dacl || dacl[1]?.includes("NO_ACCESS_CONTROL")) return undefined;
  return `${dacl[1]?.includes("P") ? "P" : ""}${dacl[2]}`;
}
