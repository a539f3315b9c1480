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
 * Whether a file's DACL gives what that of its folder gives to those in it: the same rights to the same, and none of the
 * file's own.
 */
export function sameAccess(file: string, folder: string): boolean {
  const [given, wanted] = [accessOf(file), accessOf(folder)];
  return given !== undefined && given === wanted;
}

/** The entries without the flags that tell where they came from and who inherits them. */
function accessOf(sddl: string): string | undefined {
  return daclOf(sddl)
    ?.replace(/^P/, "")
    .replace(/\(([A-Z]+);[A-Z]*;/g, "($1;;");
}

function daclOf(sddl: string): string | undefined {
  const dacl = /D:([A-Z_]*)((?:\([^)]*\))*)/.exec(sddl);
  if (!dacl || dacl[1]?.includes("NO_ACCESS_CONTROL")) return undefined;
  return `${dacl[1]?.includes("P") ? "P" : ""}${dacl[2]}`;
}
