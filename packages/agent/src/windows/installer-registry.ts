import type { InstallerEnrolment } from "../ports.ts";
import { type Handle, koffi, lazy, WindowsError } from "./native.ts";
import { stringValue } from "./registry.ts";

/** Where the installer leaves what it was told, and where its guard action leaves why it refused. See `installer/agent.wxs`. */
export const installerKey = "SOFTWARE\\Postern\\Agent";

const HKEY_LOCAL_MACHINE: Handle = -2147483646;
const REG_SZ = 1;
const ERROR_SUCCESS = 0;
const ERROR_FILE_NOT_FOUND = 2;

const enrolmentKey = `${installerKey}\\Enrolment`;
const enrolmentValues = ["Cluster", "ActivationKey", "ActivationKeyFile", "CaFile", "Proxy"] as const;
const refusalValue = "InstallerRefusal";

/** What the installer was told of the cluster to join; undefined when nothing, or when it was done with already. */
export function readInstallerEnrolment(): InstallerEnrolment | undefined {
  const [cluster, key, keyFile, caFile, proxy] = enrolmentValues.map(
    (name) => stringValue(enrolmentKey, name) || undefined,
  );
  if (cluster === undefined || (key === undefined && keyFile === undefined)) return undefined;
  return {
    cluster,
    ...(key === undefined ? {} : { key }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(caFile === undefined ? {} : { caFile }),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

/** @throws {WindowsError} */
export function forgetInstallerEnrolment(): void {
  for (const name of enrolmentValues) deleteValue(enrolmentKey, name);
}

/**
 * Leaves a sentence for the installer, which shows and logs it; none takes the last one away.
 *
 * @throws {WindowsError}
 */
export function noteForInstaller(sentence?: string): void {
  if (sentence === undefined) {
    deleteValue(installerKey, refusalValue);
    return;
  }
  const text = Buffer.from(`${sentence}\0`, "utf16le");
  const { RegSetKeyValueW } = advapi32();
  check("RegSetKeyValueW", RegSetKeyValueW(HKEY_LOCAL_MACHINE, installerKey, refusalValue, REG_SZ, text, text.length));
}

function deleteValue(path: string, name: string): void {
  const code = advapi32().RegDeleteKeyValueW(HKEY_LOCAL_MACHINE, path, name);
  if (code !== ERROR_FILE_NOT_FOUND) check("RegDeleteKeyValueW", code);
}

function check(call: string, code: number): void {
  if (code !== ERROR_SUCCESS) throw new WindowsError(call, code);
}

const advapi32 = lazy(() => {
  const library = koffi().load("advapi32.dll");
  return {
    RegSetKeyValueW: library.func(
      "int32_t RegSetKeyValueW(intptr_t key, str16 path, str16 name, uint32_t type, uint8_t *data, uint32_t bytes)",
    ) as (key: Handle, path: string, name: string, type: number, data: Buffer, bytes: number) => number,
    RegDeleteKeyValueW: library.func("int32_t RegDeleteKeyValueW(intptr_t key, str16 path, str16 name)") as (
      key: Handle,
      path: string,
      name: string,
    ) => number,
  };
});
