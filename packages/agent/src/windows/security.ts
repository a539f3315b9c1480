import { kernel32 } from "./kernel32.ts";
import { type Handle, koffi, lazy, type Pointer, succeed, WindowsError } from "./native.ts";

const SDDL_REVISION_1 = 1;
const OWNER_SECURITY_INFORMATION = 0x1;
const OWNER_AND_DACL = 0x5;
const DACL_SECURITY_INFORMATION = 0x4;
const PROTECTED_DACL_SECURITY_INFORMATION = 0x80000000;
const UNPROTECTED_DACL_SECURITY_INFORMATION = 0x20000000;
/** Kinds of object that have a descriptor (SE_OBJECT_TYPE). */
export const securedObjects = { file: 1, service: 2, registryKey: 4, kernelObject: 6 } as const;
const ERROR_SUCCESS = 0;
const ERROR_INVALID_ACL = 1336;

/**
 * Runs `use` with the binary form of a descriptor in SDDL; the memory is gone afterwards.
 *
 * @throws {WindowsError}
 */
export function withDescriptor<T>(sddl: string, use: (descriptor: Pointer) => T): T {
  const descriptor: [Pointer | null] = [null];
  succeed(
    "ConvertStringSecurityDescriptorToSecurityDescriptorW",
    advapi32().ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, descriptor, null),
  );
  try {
    return use(descriptor[0] ?? 0n);
  } finally {
    kernel32().LocalFree(descriptor[0] ?? 0n);
  }
}

/**
 * Sets the DACL, and the owner where `sddl` names one, of an open process.
 *
 * @throws {WindowsError}
 */
export function setProcessSecurity(process: Handle, sddl: string): void {
  withDescriptor(sddl, (descriptor) =>
    succeed("SetKernelObjectSecurity", advapi32().SetKernelObjectSecurity(process, informationOf(sddl), descriptor)),
  );
}

/**
 * Sets the DACL of an open registry key, and its owner where `sddl` names one. Through SetSecurityInfo and not the key's own
 * call, because only it computes what a DACL without protection (`D:AI`) inherits from the parent.
 *
 * @throws {WindowsError}
 */
export function setKeySecurity(key: Handle, sddl: string): void {
  setObjectSecurity(key, securedObjects.registryKey, sddl);
}

/**
 * Sets DACL and owner of an open registry key, the owner where `sddl` names one, to exactly these: what is in it as
 * inherited stays so, whatever the parent gives, and keys beneath are not touched.
 *
 * @throws {WindowsError}
 */
export function setKeyDescriptor(key: Handle, sddl: string): void {
  // That a DACL was inherited is kept only of one that asks for it (AR).
  const asked = sddl.replace(/D:(P?)(?:AR)?AI/, "D:$1ARAI");
  withDescriptor(asked, (descriptor) => {
    const set = (what: number): void => {
      const code = advapi32().RegSetKeySecurity(key, what, descriptor);
      if (code !== ERROR_SUCCESS) throw new WindowsError("RegSetKeySecurity", code);
    };
    set(DACL_SECURITY_INFORMATION);
    // Not everybody can be made the owner, not even again.
    const owner = ownerText(sddl);
    if (owner === undefined || owner === ownerText(descriptorOfObject(key, securedObjects.registryKey))) return;
    set(OWNER_AND_DACL);
  });
}

/**
 * Gives an open object the owner that `sddl` names.
 *
 * @throws {WindowsError}
 */
export function setOwner(object: Handle, kind: SecuredKind, sddl: string): void {
  withDescriptor(sddl, (descriptor) => {
    const what = OWNER_SECURITY_INFORMATION;
    const code = advapi32().SetSecurityInfo(object, kind, what, ownerIn(descriptor), null, null, null);
    if (code !== ERROR_SUCCESS) throw new WindowsError("SetSecurityInfo", code);
  });
}

/** Null where the descriptor names none. */
function ownerIn(descriptor: Pointer): Pointer | null {
  const owner: [Pointer | null] = [null];
  succeed("GetSecurityDescriptorOwner", advapi32().GetSecurityDescriptorOwner(descriptor, owner, [null]));
  return owner[0];
}

function ownerText(sddl: string): string | undefined {
  return /^O:(.*?)(?=[GDS]:|$)/.exec(sddl)?.[1];
}

/**
 * Sets the DACL of an open file or folder, see {@link setKeySecurity}; what a folder gives to those in it, they get.
 *
 * @throws {WindowsError}
 */
export function setFileSecurity(file: Handle, sddl: string): void {
  setObjectSecurity(file, securedObjects.file, sddl);
}

function setObjectSecurity(object: Handle, kind: number, sddl: string): void {
  withDescriptor(sddl, (descriptor) => {
    const dacl: [Pointer | null] = [null];
    succeed("GetSecurityDescriptorDacl", advapi32().GetSecurityDescriptorDacl(descriptor, [null], dacl, [null]));
    // No DACL at all would mean access for everybody.
    if (dacl[0] === null) throw new WindowsError("GetSecurityDescriptorDacl", ERROR_INVALID_ACL);
    const inheritance = isProtected(sddl) ? PROTECTED_DACL_SECURITY_INFORMATION : UNPROTECTED_DACL_SECURITY_INFORMATION;
    const what = (informationOf(sddl) | inheritance) >>> 0;
    const code = advapi32().SetSecurityInfo(object, kind, what, ownerIn(descriptor), null, dacl[0], null);
    if (code !== ERROR_SUCCESS) throw new WindowsError("SetSecurityInfo", code);
  });
}

/** Which parts of a descriptor this SDDL speaks of (SECURITY_INFORMATION). */
export function informationOf(sddl: string): number {
  return DACL_SECURITY_INFORMATION | (sddl.startsWith("O:") ? OWNER_SECURITY_INFORMATION : 0);
}

/** Whether the DACL of this SDDL takes nothing from its parent. */
function isProtected(sddl: string): boolean {
  return /D:[A-Z]*P/.test(sddl);
}

/**
 * The DACL of an open object, in SDDL as Windows writes it.
 *
 * @throws {WindowsError}
 */
export function daclOfObject(object: Handle, kind: SecuredKind): string {
  return textOfObject(object, kind, DACL_SECURITY_INFORMATION);
}

/**
 * The same with the owner before it.
 *
 * @throws {WindowsError}
 */
export function descriptorOfObject(object: Handle, kind: SecuredKind): string {
  return textOfObject(object, kind, OWNER_AND_DACL);
}

export type SecuredKind = (typeof securedObjects)[keyof typeof securedObjects];

function textOfObject(object: Handle, kind: SecuredKind, what: number): string {
  const descriptor: [Pointer | null] = [null];
  const code = advapi32().GetSecurityInfo(object, kind, what, null, null, null, null, descriptor);
  if (code !== ERROR_SUCCESS) throw new WindowsError("GetSecurityInfo", code);
  try {
    return descriptorText(descriptor[0] ?? 0n, what);
  } finally {
    kernel32().LocalFree(descriptor[0] ?? 0n);
  }
}

/**
 * The DACL of an SDDL, as Windows writes it: the form in which two can be compared.
 *
 * @throws {WindowsError}
 */
export function daclAsWritten(sddl: string): string {
  return withDescriptor(sddl, (descriptor) => descriptorText(descriptor, DACL_SECURITY_INFORMATION));
}

/**
 * The same with the owner before it, where the SDDL names one.
 *
 * @throws {WindowsError}
 */
export function descriptorAsWritten(sddl: string): string {
  return withDescriptor(sddl, (descriptor) => descriptorText(descriptor, informationOf(sddl)));
}

function descriptorText(descriptor: Pointer, what: number): string {
  const text: [Pointer | null] = [null];
  succeed(
    "ConvertSecurityDescriptorToStringSecurityDescriptorW",
    advapi32().ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, SDDL_REVISION_1, what, text, null),
  );
  try {
    return koffi().decode.string16(text[0]);
  } finally {
    if (text[0] !== null) kernel32().LocalFree(text[0]);
  }
}

/**
 * Whether this process's token holds the group and may use it; a deny-only group (an administrator not elevated) is not
 * held.
 *
 * @throws {WindowsError}
 */
export function tokenHolds(sid: string): boolean {
  const binary: [Pointer | null] = [null];
  succeed("ConvertStringSidToSidW", advapi32().ConvertStringSidToSidW(sid, binary));
  try {
    const held: [number | null] = [null];
    succeed("CheckTokenMembership", advapi32().CheckTokenMembership(0, binary[0] ?? 0n, held));
    return held[0] === 1;
  } finally {
    kernel32().LocalFree(binary[0] ?? 0n);
  }
}

const advapi32 = lazy(() => {
  const library = koffi().load("advapi32.dll");
  return {
    ConvertStringSecurityDescriptorToSecurityDescriptorW: library.func(
      "int ConvertStringSecurityDescriptorToSecurityDescriptorW(str16 text, uint32_t revision, " +
        "_Out_ void **descriptor, void *size)",
    ) as (text: string, revision: number, descriptor: [Pointer | null], size: null) => number,
    ConvertSecurityDescriptorToStringSecurityDescriptorW: library.func(
      "int ConvertSecurityDescriptorToStringSecurityDescriptorW(void *descriptor, uint32_t revision, " +
        "uint32_t what, _Out_ void **text, void *length)",
    ) as (descriptor: Pointer, revision: number, what: number, text: [Pointer | null], length: null) => number,
    GetSecurityDescriptorDacl: library.func(
      "int GetSecurityDescriptorDacl(void *descriptor, _Out_ int *present, _Out_ void **dacl, _Out_ int *defaulted)",
    ) as (descriptor: Pointer, present: [number | null], dacl: [Pointer | null], defaulted: [number | null]) => number,
    GetSecurityDescriptorOwner: library.func(
      "int GetSecurityDescriptorOwner(void *descriptor, _Out_ void **owner, _Out_ int *defaulted)",
    ) as (descriptor: Pointer, owner: [Pointer | null], defaulted: [number | null]) => number,
    SetKernelObjectSecurity: library.func(
      "int SetKernelObjectSecurity(intptr_t object, uint32_t what, void *descriptor)",
    ) as (object: Handle, what: number, descriptor: Pointer) => number,
    RegSetKeySecurity: library.func("int32_t RegSetKeySecurity(intptr_t key, uint32_t what, void *descriptor)") as (
      key: Handle,
      what: number,
      descriptor: Pointer,
    ) => number,
    SetSecurityInfo: library.func(
      "uint32_t SetSecurityInfo(intptr_t object, int type, uint32_t what, void *owner, void *group, void *dacl, " +
        "void *sacl)",
    ) as (
      object: Handle,
      type: number,
      what: number,
      owner: Pointer | null,
      group: null,
      dacl: Pointer | null,
      sacl: null,
    ) => number,
    GetSecurityInfo: library.func(
      "uint32_t GetSecurityInfo(intptr_t object, int type, uint32_t what, void *owner, void *group, void *dacl, " +
        "void *sacl, _Out_ void **descriptor)",
    ) as (
      object: Handle,
      type: number,
      what: number,
      owner: null,
      group: null,
      dacl: null,
      sacl: null,
      descriptor: [Pointer | null],
    ) => number,
    ConvertStringSidToSidW: library.func("int ConvertStringSidToSidW(str16 text, _Out_ void **sid)") as (
      text: string,
      sid: [Pointer | null],
    ) => number,
    CheckTokenMembership: library.func("int CheckTokenMembership(intptr_t token, void *sid, _Out_ int *member)") as (
      token: Handle,
      sid: Pointer,
      member: [number | null],
    ) => number,
  };
});
