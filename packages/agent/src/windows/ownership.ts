import { ownerOf } from "./descriptor-text.ts";
import { kernel32 } from "./kernel32.ts";
import { type Handle, koffi, lazy, succeed, WindowsError } from "./native.ts";
import { type SecuredKind, setOwner } from "./security.ts";

const ERROR_ACCESS_DENIED = 5;
const SE_PRIVILEGE_ENABLED = 0x2;
const TOKEN_QUERY = 0x8;
const TOKEN_ADJUST_PRIVILEGES = 0x20;
const READ_CONTROL = 0x20000;
const WRITE_DAC = 0x40000;
const WRITE_OWNER = 0x80000;

/**
 * Runs `set` on an object that `open` opens with the rights to give it the descriptor `sddl`. When somebody has shut us out
 * of it, it is taken from him first: see {@link enableTakingOwnership}.
 *
 * @throws {WindowsError}
 */
export function withOwnership(
  kind: SecuredKind,
  sddl: string,
  open: (rights: number, use: (object: Handle) => void) => void,
  set: (object: Handle) => void,
): void {
  const rights = READ_CONTROL | WRITE_DAC | (ownerOf(sddl) === undefined ? 0 : WRITE_OWNER);
  try {
    open(rights, set);
  } catch (error) {
    if (!(error instanceof WindowsError) || error.code !== ERROR_ACCESS_DENIED) throw error;
    // Administrators are in SYSTEM's token too, and an owner may always write the DACL.
    open(WRITE_OWNER, (object) => setOwner(object, kind, "O:BA"));
    open(rights, set);
  }
}

/**
 * Lets this process take whatever it has been shut out of: SYSTEM's token holds that privilege, disabled.
 *
 * @throws {WindowsError}
 */
export function enableTakingOwnership(): void {
  const token: [Handle | null] = [null];
  const process = kernel32().GetCurrentProcess();
  succeed("OpenProcessToken", advapi32().OpenProcessToken(process, TOKEN_QUERY | TOKEN_ADJUST_PRIVILEGES, token));
  try {
    const id = Buffer.alloc(8);
    succeed("LookupPrivilegeValueW", advapi32().LookupPrivilegeValueW(null, "SeTakeOwnershipPrivilege", id));
    // TOKEN_PRIVILEGES: how many, then of each its LUID and its attributes.
    const wanted = Buffer.alloc(16);
    wanted.writeUInt32LE(1, 0);
    id.copy(wanted, 4);
    wanted.writeUInt32LE(SE_PRIVILEGE_ENABLED, 12);
    succeed("AdjustTokenPrivileges", advapi32().AdjustTokenPrivileges(token[0] ?? 0, 0, wanted, 0, null, null));
  } finally {
    kernel32().CloseHandle(token[0] ?? 0);
  }
}

const advapi32 = lazy(() => {
  const library = koffi().load("advapi32.dll");
  return {
    OpenProcessToken: library.func(
      "int OpenProcessToken(intptr_t process, uint32_t rights, _Out_ intptr_t *token)",
    ) as (process: Handle, rights: number, token: [Handle | null]) => number,
    LookupPrivilegeValueW: library.func("int LookupPrivilegeValueW(str16 system, str16 name, _Out_ uint8_t *id)") as (
      system: null,
      name: string,
      id: Buffer,
    ) => number,
    AdjustTokenPrivileges: library.func(
      "int AdjustTokenPrivileges(intptr_t token, int disableAll, uint8_t *wanted, uint32_t bytes, void *before, " +
        "void *length)",
    ) as (token: Handle, disableAll: number, wanted: Buffer, bytes: number, before: null, length: null) => number,
  };
});
