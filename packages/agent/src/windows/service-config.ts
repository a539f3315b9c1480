import { type Handle, koffi, lazy, type Pointer, succeed } from "./native.ts";
import { numberValue, stringValue, textList } from "./registry.ts";
import { serviceKey, serviceRights, withService } from "./service-control.ts";
import type { Recovery, ServiceConfig, StartType } from "./wanted-guard.ts";

const SERVICE_NO_CHANGE = 0xffffffff;
const SERVICE_CONFIG_FAILURE_ACTIONS = 2;
const SERVICE_CONFIG_DELAYED_AUTO_START_INFO = 3;
const SERVICE_CONFIG_FAILURE_ACTIONS_FLAG = 4;
const SC_ACTION_NONE = 0;
const SC_ACTION_RESTART = 1;

/** No answer about a service's configuration is longer. */
const largestConfigBytes = 8 * 1024;

const startTypes: readonly StartType[] = ["boot", "system", "automatic", "manual", "disabled"];

/**
 * How the service manager starts the service, twice: as it knows it, which counts until the next boot, and as the
 * registry says, which counts from then on.
 *
 * @throws {WindowsError}
 */
export function readServiceConfig(name: string): readonly Partial<ServiceConfig>[] {
  return [knownConfig(name), writtenConfig(name)];
}

function knownConfig(name: string): Partial<ServiceConfig> {
  const config = Buffer.alloc(largestConfigBytes);
  withService(name, serviceRights.queryConfig, (service) =>
    succeed("QueryServiceConfigW", advapi32().QueryServiceConfigW(service, config, config.length, [null])),
  );
  // QUERY_SERVICE_CONFIGW: its texts lie behind it in the same memory.
  return {
    startType: startTypeOf(config.readUInt32LE(4)),
    command: textAt(config.readBigUInt64LE(16)),
    dependencies: textsAt(config.readBigUInt64LE(40)),
    account: textAt(config.readBigUInt64LE(48)),
  };
}

function writtenConfig(name: string): Partial<ServiceConfig> {
  const key = serviceKey(name);
  return {
    command: stringValue(key, "ImagePath") ?? "",
    account: stringValue(key, "ObjectName") ?? "",
    startType: startTypeOf(numberValue(key, "Start")),
    delayed: (numberValue(key, "DelayedAutostart") ?? 0) !== 0,
    dependencies: [...(textList(key, "DependOnService") ?? []), ...(textList(key, "DependOnGroup") ?? [])],
  };
}

function startTypeOf(start: number | undefined): StartType {
  return startTypes[start ?? -1] ?? "unknown";
}

/**
 * Has the service manager start the service in this way, now and after the next boot.
 *
 * @throws {WindowsError}
 */
export function writeServiceConfig(name: string, config: ServiceConfig): void {
  withService(name, serviceRights.changeConfig, (service) => {
    succeed(
      "ChangeServiceConfigW",
      advapi32().ChangeServiceConfigW(
        service,
        SERVICE_NO_CHANGE,
        startTypes.indexOf(config.startType),
        SERVICE_NO_CHANGE,
        config.command,
        null,
        null,
        Buffer.from(`${config.dependencies.map((dependency) => `${dependency}\0`).join("")}\0\0`, "utf16le"),
        config.account,
        null,
        null,
      ),
    );
    const delayed = (numberValue(serviceKey(name), "DelayedAutostart") ?? 0) !== 0;
    if (delayed !== config.delayed)
      succeed(
        "ChangeServiceConfig2W",
        advapi32().setFlag(service, SERVICE_CONFIG_DELAYED_AUTO_START_INFO, [Number(config.delayed)]),
      );
  });
}

/**
 * What the service manager does when the service ends without having been asked to. Actions other than a restart count
 * as an endless wait, so that they equal nothing we set.
 *
 * @throws {WindowsError} ERROR_INVALID_LEVEL where the service manager has no recovery
 */
export function readRecovery(name: string): Recovery {
  return withService(name, serviceRights.queryConfig, (service) => {
    const failures = query(service, SERVICE_CONFIG_FAILURE_ACTIONS);
    const flag = query(service, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG);
    // SERVICE_FAILURE_ACTIONSW; its actions are pairs of what and after how many ms.
    const count = failures.readUInt32LE(24);
    const actions = failures.readBigUInt64LE(32);
    return {
      restartAfterMs: Array.from({ length: count }, (_, index) => {
        const [what, afterMs] = koffi().decode(actions + BigInt(8 * index), "uint32_t", 2) as [number, number];
        return what === SC_ACTION_RESTART ? afterMs : Number.POSITIVE_INFINITY;
      }),
      resetAfterSeconds: failures.readUInt32LE(0),
      alsoWithoutCrash: flag.readUInt32LE(0) !== 0,
    };
  });
}

/**
 * Sets what {@link readRecovery} reads.
 *
 * @throws {WindowsError} ERROR_INVALID_LEVEL where the service manager has no recovery
 */
export function writeRecovery(name: string, recovery: Recovery): void {
  const actions = recovery.restartAfterMs.map((Delay) => ({ Type: SC_ACTION_RESTART, Delay }));
  // Asking for a restart takes the right to start.
  withService(name, serviceRights.changeConfig | serviceRights.start, (service) => {
    succeed(
      "ChangeServiceConfig2W",
      advapi32().setFailureActions(service, SERVICE_CONFIG_FAILURE_ACTIONS, {
        dwResetPeriod: recovery.resetAfterSeconds,
        lpRebootMsg: null,
        lpCommand: null,
        cActions: actions.length,
        // An array even when there are none: a null pointer would leave those that there are.
        lpsaActions: actions.length > 0 ? actions : [{ Type: SC_ACTION_NONE, Delay: 0 }],
      }),
    );
    succeed(
      "ChangeServiceConfig2W",
      advapi32().setFlag(service, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, [Number(recovery.alsoWithoutCrash)]),
    );
  });
}

function query(service: Handle, level: number): Buffer {
  const info = Buffer.alloc(largestConfigBytes);
  succeed("QueryServiceConfig2W", advapi32().QueryServiceConfig2W(service, level, info, info.length, [null]));
  return info;
}

function textAt(address: Pointer): string {
  return address === 0n ? "" : koffi().decode.string16(address);
}

/** Texts one behind the other, an empty one at the end. */
function textsAt(address: Pointer): string[] {
  const text = textAt(address);
  return text === "" ? [] : [text, ...textsAt(address + BigInt(2 * (text.length + 1)))];
}

interface FailureActions {
  readonly dwResetPeriod: number;
  readonly lpRebootMsg: null;
  readonly lpCommand: null;
  readonly cActions: number;
  readonly lpsaActions: readonly { readonly Type: number; readonly Delay: number }[];
}

const advapi32 = lazy(() => {
  const library = koffi().load("advapi32.dll");
  koffi().struct("SC_ACTION", { Type: "int", Delay: "uint32_t" });
  koffi().struct("SERVICE_FAILURE_ACTIONSW", {
    dwResetPeriod: "uint32_t",
    lpRebootMsg: "void *",
    lpCommand: "void *",
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
    ChangeServiceConfigW: library.func(
      "int ChangeServiceConfigW(intptr_t service, uint32_t type, uint32_t startType, uint32_t errorControl, " +
        "str16 command, str16 group, void *tag, uint16_t *dependencies, str16 account, str16 password, str16 name)",
    ) as (
      service: Handle,
      type: number,
      startType: number,
      errorControl: number,
      command: string,
      group: null,
      tag: null,
      dependencies: Buffer,
      account: string,
      password: null,
      name: null,
    ) => number,
    // One function of Windows, whose last argument is of the kind that the level asks for.
    setFlag: library.func("int ChangeServiceConfig2W(intptr_t service, uint32_t level, uint32_t *info)") as (
      service: Handle,
      level: number,
      info: [number],
    ) => number,
    setFailureActions: library.func(
      "int ChangeServiceConfig2W(intptr_t service, uint32_t level, SERVICE_FAILURE_ACTIONSW *info)",
    ) as (service: Handle, level: number, info: FailureActions) => number,
  };
});
