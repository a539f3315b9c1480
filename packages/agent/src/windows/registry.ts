import { type Handle, koffi, lazy, WindowsError } from "./native.ts";

const HKEY_LOCAL_MACHINE: Handle = -2147483646;
const ERROR_SUCCESS = 0;
const ERROR_NO_MORE_ITEMS = 259;
const RRF_RT_REG_SZ = 0x2;
const longestKeyName = 255;

/** Rights of a key (winnt.h). */
export const keyRights = { enumerate: 0x8, readControl: 0x20000, writeDacl: 0x40000 } as const;

/**
 * Opens a key beneath HKEY_LOCAL_MACHINE, lets `use` have it and closes it.
 *
 * @throws {WindowsError}
 */
export function withKey<T>(path: string, rights: number, use: (key: Handle) => T): T {
  const key: [Handle | null] = [null];
  check("RegOpenKeyExW", advapi32().RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, rights, key));
  try {
    return use(key[0] ?? 0);
  } finally {
    advapi32().RegCloseKey(key[0] ?? 0);
  }
}

/**
 * The key's own path and those of all keys beneath it, parents first.
 *
 * @throws {WindowsError}
 */
export function keyTree(path: string): string[] {
  const children = withKey(path, keyRights.enumerate, subKeyNames);
  return [path, ...children.flatMap((name) => keyTree(`${path}\\${name}`))];
}

/** A text beneath HKEY_LOCAL_MACHINE, or undefined where there is none (of at most 255 characters). */
export function stringValue(path: string, name: string): string | undefined {
  const text = Buffer.alloc((longestKeyName + 1) * 2);
  const bytes: [number] = [text.length];
  const code = advapi32().RegGetValueW(HKEY_LOCAL_MACHINE, path, name, RRF_RT_REG_SZ, null, text, bytes);
  if (code !== ERROR_SUCCESS) return undefined;
  return text.toString("utf16le", 0, bytes[0] - 2);
}

function subKeyNames(key: Handle): string[] {
  const names: string[] = [];
  for (let index = 0; ; index++) {
    const name = Buffer.alloc((longestKeyName + 1) * 2);
    const length: [number] = [longestKeyName + 1];
    const code = advapi32().RegEnumKeyExW(key, index, name, length, null, null, null, null);
    if (code === ERROR_NO_MORE_ITEMS) return names;
    check("RegEnumKeyExW", code);
    names.push(name.toString("utf16le", 0, length[0] * 2));
  }
}

function check(call: string, code: number): void {
  if (code !== ERROR_SUCCESS) throw new WindowsError(call, code);
}

const advapi32 = lazy(() => {
  const library = koffi().load("advapi32.dll");
  return {
    RegOpenKeyExW: library.func(
      "int32_t RegOpenKeyExW(intptr_t parent, str16 path, uint32_t options, uint32_t rights, _Out_ intptr_t *key)",
    ) as (parent: Handle, path: string, options: number, rights: number, key: [Handle | null]) => number,
    RegEnumKeyExW: library.func(
      "int32_t RegEnumKeyExW(intptr_t key, uint32_t index, _Out_ uint16_t *name, _Inout_ uint32_t *length, " +
        "void *reserved, void *class, void *classLength, void *written)",
    ) as (
      key: Handle,
      index: number,
      name: Buffer,
      length: [number],
      reserved: null,
      className: null,
      classLength: null,
      written: null,
    ) => number,
    RegGetValueW: library.func(
      "int32_t RegGetValueW(intptr_t parent, str16 path, str16 name, uint32_t flags, void *type, " +
        "_Out_ uint8_t *data, _Inout_ uint32_t *bytes)",
    ) as (
      parent: Handle,
      path: string,
      name: string,
      flags: number,
      type: null,
      data: Buffer,
      bytes: [number],
    ) => number,
    RegCloseKey: library.func("int32_t RegCloseKey(intptr_t key)") as (key: Handle) => number,
  };
});
