import { type Handle, koffi, lazy, type Pointer, succeed } from "./native.ts";

// The service manager's calls about a service's configuration. QueryServiceConfig2W and ChangeServiceConfig2W are one function
// each, whose last argument is of the kind that the level asks for.

/** What of a service's configuration is meant. */
export const configLevel = { failureActions: 2, delayedStart: 3, failureActionsFlag: 4, launchProtected: 12 } as const;

/** No answer about a service's configuration is longer. */
const largestConfigBytes = 8 * 1024;

/** What is to be done and after how many milliseconds. */
export interface ServiceAction {
  readonly type: number;
  readonly delayMs: number;
}

/** SERVICE_FAILURE_ACTIONSW. A text that is null is left as it is; an empty one is taken away. */
export interface FailureActionsInfo {
  readonly resetSeconds: number;
  readonly rebootMessage: string | null;
  readonly command: string | null;
  readonly actions: readonly ServiceAction[];
}

/** QUERY_SERVICE_CONFIGW; its texts lie behind it in the same memory: see {@link textAt}. @throws {WindowsError} */
export function queryConfig(service: Handle): Buffer {
  const config = Buffer.alloc(largestConfigBytes);
  succeed("QueryServiceConfigW", advapi32().QueryServiceConfigW(service, config, config.length, [null]));
  return config;
}

/** @throws {WindowsError} ERROR_INVALID_LEVEL where the service manager knows no such thing */
export function queryConfig2(service: Handle, level: number): Buffer {
  const info = Buffer.alloc(largestConfigBytes);
  succeed("QueryServiceConfig2W", advapi32().QueryServiceConfig2W(service, level, info, info.length, [null]));
  return info;
}

/** For the levels that are a number or a truth. @throws {WindowsError} */
export function setConfig2(service: Handle, level: number, value: number | boolean): void {
  succeed("ChangeServiceConfig2W", advapi32().setFlag(service, level, [Number(value)]));
}

/** @throws {WindowsError} ERROR_INVALID_LEVEL where the service manager has no recovery */
export function queryFailureActions(service: Handle): FailureActionsInfo & { rebootMessage: string; command: string } {
  const info = queryConfig2(service, configLevel.failureActions);
  // Its texts and its pairs of what and when lie behind it in the same memory.
  const actions = info.readBigUInt64LE(32);
  return {
    resetSeconds: info.readUInt32LE(0),
    rebootMessage: textAt(info.readBigUInt64LE(8)),
    command: textAt(info.readBigUInt64LE(16)),
    actions: Array.from({ length: info.readUInt32LE(24) }, (_, index) => {
      const [type, delayMs] = koffi().decode(actions + BigInt(8 * index), "uint32_t", 2) as [number, number];
      return { type, delayMs };
    }),
  };
}

/** @throws {WindowsError} ERROR_INVALID_LEVEL where the service manager has no recovery */
export function setFailureActions(service: Handle, info: FailureActionsInfo): void {
  const { resetSeconds, rebootMessage, command, actions } = info;
  // An array even when there are none: a null pointer would leave those that there are.
  const given = actions.length > 0 ? actions : [{ type: 0, delayMs: 0 }];
  succeed(
    "ChangeServiceConfig2W",
    advapi32().setFailureActions(service, configLevel.failureActions, {
      dwResetPeriod: resetSeconds,
      lpRebootMsg: rebootMessage,
      lpCommand: command,
      cActions: actions.length,
      lpsaActions: given.map(({ type, delayMs }) => ({ Type: type, Delay: delayMs })),
    }),
  );
}

/** The text at an address in our own memory. */
export function textAt(address: Pointer): string {
  return address === 0n ? "" : koffi().decode.string16(address);
}

interface NativeFailureActions {
  readonly dwResetPeriod: number;
  readonly lpRebootMsg: string | null;
  readonly lpCommand: string | null;
  readonly cActions: number;
  readonly lpsaActions: readonly { readonly Type: number; readonly Delay: number }[];
}

const advapi32 = lazy(() => {
  const library = koffi().load("advapi32.dll");
  koffi().struct("SC_ACTION", { Type: "uint32_t", Delay: "uint32_t" });
  koffi().struct("SERVICE_FAILURE_ACTIONSW", {
    dwResetPeriod: "uint32_t",
    lpRebootMsg: "str16",
    lpCommand: "str16",
    cActions: "uint32_t",
    lpsaActions: "SC_ACTION *",
  });
  return {
    QueryServiceConfigW: library.func(
      "int QueryServiceConfigW(intptr_t service, void *config, uint32_t bytes, _Out_ uint32_t *needed)",
    ) as (service: Handle, config: Buffer, bytes: number, needed: [number | null]) => number,
    QueryServiceConfig2W: library.func(
      "int QueryServiceConfig2W(intptr_t service, uint32_t level, void *info, uint32_t bytes, _Out_ uint32_t *needed)",
    ) as (service: Handle, level: number, info: Buffer, bytes: number, needed: [number | null]) => number,
    setFlag: library.func("int ChangeServiceConfig2W(intptr_t service, uint32_t level, uint32_t *info)") as (
      service: Handle,
      level: number,
      info: [number],
    ) => number,
    setFailureActions: library.func(
      "int ChangeServiceConfig2W(intptr_t service, uint32_t level, SERVICE_FAILURE_ACTIONSW *info)",
    ) as (service: Handle, level: number, info: NativeFailureActions) => number,
  };
});
