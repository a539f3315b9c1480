import { kernel32 } from "./kernel32.ts";
import { type Handle, koffi, lazy, WindowsError } from "./native.ts";
import { whenSet } from "./waiting.ts";

const HKEY_LOCAL_MACHINE: Handle = -2147483646;
const ERROR_SUCCESS = 0;
const ERROR_NO_MORE_ITEMS = 259;
const ERROR_FILE_NOT_FOUND = 2;
const ERROR_MORE_DATA = 234;
const REG_EXPAND_SZ = 2;
const REG_DWORD = 4;
const REG_MULTI_SZ = 7;
const RRF_RT_REG_SZ = 0x2;
const RRF_RT_REG_EXPAND_SZ = 0x4;
const RRF_RT_REG_DWORD = 0x10;
const RRF_RT_REG_MULTI_SZ = 0x20;
const RRF_NOEXPAND = 0x10000000;
const KEY_NOTIFY = 0x10;
const longestKeyName = 255;

/** Rights of a key (winnt.h). */
export const keyRights = {
  read: 0x20019,
  enumerate: 0x8,
  readControl: 0x20000,
  writeDacl: 0x40000,
  writeOwner: 0x80000,
} as const;

/** What of a key and those beneath it can change (REG_NOTIFY_CHANGE_…). */
export const keyChanges = { names: 0x1, values: 0x4, security: 0x8 } as const;

/** Of opening a key: `openLink` opens a link itself, not the key that it leads to. */
export const keyOptions = { openLink: 0x8 } as const;

/**
 * Opens a key beneath HKEY_LOCAL_MACHINE, lets `use` have it and closes it.
 *
 * @throws {WindowsError}
 */
export function withKey<T>(path: string, rights: number, use: (key: Handle) => T, options = 0): T {
  const key: [Handle | null] = [null];
  check("RegOpenKeyExW", advapi32().RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, options, rights, key));
  try {
    return use(key[0] ?? 0);
  } finally {
    advapi32().RegCloseKey(key[0] ?? 0);
  }
}

/**
 * The key's own path and those of all keys beneath it, parents first. Links are not followed: one can lead around in a
 * circle.
 *
 * @throws {WindowsError}
 */
export function keyTree(path: string): string[] {
  const children = withKey(path, keyRights.enumerate, subKeyNames, keyOptions.openLink);
  return [path, ...children.flatMap((name) => keyTree(`${path}\\${name}`))];
}

/** A text beneath HKEY_LOCAL_MACHINE, or undefined where there is none (of at most 255 characters). */
export function stringValue(path: string, name: string): string | undefined {
  return textValue(path, name, RRF_RT_REG_SZ);
}

/** The same of a text with names of variables in it, which stay in it. */
export function expandableText(path: string, name: string): string | undefined {
  return textValue(path, name, RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND);
}

function textValue(path: string, name: string, flags: number): string | undefined {
  const text = Buffer.alloc((longestKeyName + 1) * 2);
  const bytes: [number] = [text.length];
  const code = advapi32().RegGetValueW(HKEY_LOCAL_MACHINE, path, name, flags, null, text, bytes);
  if (code !== ERROR_SUCCESS) return undefined;
  return text.toString("utf16le", 0, bytes[0] - 2);
}

/**
 * Sets a text with names of variables in it beneath HKEY_LOCAL_MACHINE. A key that is not there is made.
 *
 * @throws {WindowsError}
 */
export function setExpandableText(path: string, name: string, text: string): void {
  setValue(path, name, REG_EXPAND_SZ, Buffer.from(`${text}\0`, "utf16le"));
}

/**
 * Sets a number beneath HKEY_LOCAL_MACHINE. A key that is not there is made.
 *
 * @throws {WindowsError}
 */
export function setNumber(path: string, name: string, number: number): void {
  const data = Buffer.alloc(4);
  data.writeUInt32LE(number);
  setValue(path, name, REG_DWORD, data);
}

function setValue(path: string, name: string, type: number, data: Buffer): void {
  check("RegSetKeyValueW", advapi32().RegSetKeyValueW(HKEY_LOCAL_MACHINE, path, name, type, data, data.length));
}

/** A number beneath HKEY_LOCAL_MACHINE, or undefined where there is none. */
export function numberValue(path: string, name: string): number | undefined {
  const number = Buffer.alloc(4);
  const code = advapi32().RegGetValueW(HKEY_LOCAL_MACHINE, path, name, RRF_RT_REG_DWORD, null, number, [number.length]);
  return code === ERROR_SUCCESS ? number.readUInt32LE() : undefined;
}

/**
 * A list of texts beneath HKEY_LOCAL_MACHINE, empty ones among them; undefined where there is none.
 *
 * @throws {WindowsError}
 */
export function textList(path: string, name: string): string[] | undefined {
  for (let room = 4096; ; room *= 2) {
    const data = Buffer.alloc(room);
    const bytes: [number] = [room];
    const code = advapi32().RegGetValueW(HKEY_LOCAL_MACHINE, path, name, RRF_RT_REG_MULTI_SZ, null, data, bytes);
    if (code === ERROR_MORE_DATA) continue;
    if (code === ERROR_FILE_NOT_FOUND) return undefined;
    check("RegGetValueW", code);
    // Each text has its end, and the list one of its own.
    return data.toString("utf16le", 0, bytes[0]).replace(/\0\0$/, "").split("\0");
  }
}

/**
 * Replaces a list of texts beneath HKEY_LOCAL_MACHINE; an empty one is removed.
 *
 * @throws {WindowsError}
 */
export function setTextList(path: string, name: string, list: readonly string[]): void {
  if (list.length === 0) {
    check("RegDeleteKeyValueW", advapi32().RegDeleteKeyValueW(HKEY_LOCAL_MACHINE, path, name));
    return;
  }
  setValue(path, name, REG_MULTI_SZ, Buffer.from(`${list.join("\0")}\0\0`, "utf16le"));
}

/**
 * Whether there is such a key beneath HKEY_LOCAL_MACHINE.
 *
 * @throws {WindowsError} it cannot be told
 */
export function keyExists(path: string): boolean {
  try {
    return withKey(path, keyRights.read, () => true);
  } catch (error) {
    if (error instanceof WindowsError && error.code === ERROR_FILE_NOT_FOUND) return false;
    throw error;
  }
}

/**
 * Removes a key beneath HKEY_LOCAL_MACHINE and all that is in it.
 *
 * @throws {WindowsError}
 */
export function deleteKey(path: string): void {
  check("RegDeleteTreeW", advapi32().RegDeleteTreeW(HKEY_LOCAL_MACHINE, path));
}

/**
 * Calls `changed` after each change of a key or of anything beneath it, of the kinds in `what`. Several changes may
 * become one call, and none is missed: the next one is waited for before `changed` is called.
 *
 * @throws {WindowsError}
 */
export function watchKey(
  path: string,
  changed: () => void,
  what: number = keyChanges.names | keyChanges.values | keyChanges.security,
): { close(): void } {
  const opened: [Handle | null] = [null];
  check("RegOpenKeyExW", advapi32().RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_NOTIFY, opened));
  const key = opened[0] ?? 0;
  const event = kernel32().CreateEventW(null, 0, 0, null);
  let closed = false;
  const next = (): void => {
    check("RegNotifyChangeKeyValue", advapi32().RegNotifyChangeKeyValue(key, 1, what, event, 1));
    whenSet(event).then(
      () => {
        // Closing the key sets the event a last time.
        if (closed) {
          kernel32().CloseHandle(event);
          return;
        }
        try {
          next();
        } catch {
          // The key is gone: there is nothing more to hear of it.
        }
        changed();
      },
      () => {},
    );
  };
  next();
  return {
    close() {
      closed = true;
      advapi32().RegCloseKey(key);
    },
  };
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
    RegSetKeyValueW: library.func(
      "int32_t RegSetKeyValueW(intptr_t parent, str16 path, str16 name, uint32_t type, void *data, uint32_t bytes)",
    ) as (parent: Handle, path: string, name: string, type: number, data: Buffer, bytes: number) => number,
    RegDeleteKeyValueW: library.func("int32_t RegDeleteKeyValueW(intptr_t parent, str16 path, str16 name)") as (
      parent: Handle,
      path: string,
      name: string,
    ) => number,
    RegDeleteTreeW: library.func("int32_t RegDeleteTreeW(intptr_t parent, str16 path)") as (
      parent: Handle,
      path: string,
    ) => number,
    RegNotifyChangeKeyValue: library.func(
      "int32_t RegNotifyChangeKeyValue(intptr_t key, int subtree, uint32_t what, intptr_t event, int asynchronous)",
    ) as (key: Handle, subtree: number, what: number, event: Handle, asynchronous: number) => number,
    RegCloseKey: library.func("int32_t RegCloseKey(intptr_t key)") as (key: Handle) => number,
  };
});
