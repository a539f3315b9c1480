import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { kernel32 } from "./kernel32.ts";
import { koffi, lazy, type Pointer, succeed, WindowsError } from "./native.ts";

const SE_FILE_OBJECT = 1;
const OWNER_SECURITY_INFORMATION = 0x1;
const ERROR_SUCCESS = 0;

/** SYSTEM, Administrators, and TrustedInstaller, who owns what Windows itself brought. */
const trustedOwners = new Set([
  "S-1-5-18",
  "S-1-5-32-544",
  "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
]);

/**
 * Whether somebody else made this folder before us: every user may make folders in ProgramData, and keeps full access to
 * what he made. A link in its place leads to where he wants. A folder that is not there is nobody's.
 *
 * @throws {WindowsError}
 */
export function isForeignFolder(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (!found.isDirectory()) return true;
  const owner = ownerOf(path);
  // Whoever owns the folder around it could have put anything in its place anyhow.
  return !trustedOwners.has(owner) && owner !== ownerOf(dirname(path));
}

function ownerOf(path: string): string {
  const owner: [Pointer | null] = [null];
  const descriptor: [Pointer | null] = [null];
  const text: [Pointer | null] = [null];
  const { GetNamedSecurityInfoW, ConvertSidToStringSidW } = advapi32();
  const code = GetNamedSecurityInfoW(
    path,
    SE_FILE_OBJECT,
    OWNER_SECURITY_INFORMATION,
    owner,
    null,
    null,
    null,
    descriptor,
  );
  if (code !== ERROR_SUCCESS) throw new WindowsError("GetNamedSecurityInfoW", code);
  try {
    succeed("ConvertSidToStringSidW", ConvertSidToStringSidW(owner[0] ?? 0n, text));
    return koffi().decode.string16(text[0]);
  } finally {
    kernel32().LocalFree(descriptor[0] ?? 0n);
    if (text[0] !== null) kernel32().LocalFree(text[0]);
  }
}

const advapi32 = lazy(() => {
  const library = koffi().load("advapi32.dll");
  return {
    GetNamedSecurityInfoW: library.func(
      "uint32_t GetNamedSecurityInfoW(str16 path, int type, uint32_t what, _Out_ void **owner, void *group, " +
        "void *dacl, void *sacl, _Out_ void **descriptor)",
    ) as (
      path: string,
      type: number,
      what: number,
      owner: [Pointer | null],
      group: null,
      dacl: null,
      sacl: null,
      descriptor: [Pointer | null],
    ) => number,
    ConvertSidToStringSidW: library.func("int ConvertSidToStringSidW(void *sid, _Out_ void **text)") as (
      sid: Pointer,
      text: [Pointer | null],
    ) => number,
  };
});
