import { type Handle, koffi, lazy, type Pointer, succeed } from "./native.ts";
import { numberValue, stringValue, textList } from "./registry.ts";
import {
  configLevel,
  queryConfig,
  queryConfig2,
  queryFailureActions,
  setConfig2,
  setFailureActions,
  textAt,
} from "./service-config-calls.ts";
import { serviceKey, serviceRights, withService } from "./service-control.ts";
import type { Recovery, ServiceConfig, StartType } from "./wanted-guard.ts";

const SERVICE_NO_CHANGE = 0xffffffff;
const SC_ACTION_RESTART = 1;

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
  const config = withService(name, serviceRights.queryConfig, queryConfig);
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
    if (delayed !== config.delayed) setConfig2(service, configLevel.delayedStart, config.delayed);
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
    const { actions, resetSeconds } = queryFailureActions(service);
    return {
      restartAfterMs: actions.map(({ type, delayMs }) =>
        type === SC_ACTION_RESTART ? delayMs : Number.POSITIVE_INFINITY,
      ),
      resetAfterSeconds: resetSeconds,
      alsoWithoutCrash: queryConfig2(service, configLevel.failureActionsFlag).readUInt32LE(0) !== 0,
    };
  });
}

/**
 * Sets what {@link readRecovery} reads.
 *
 * @throws {WindowsError} ERROR_INVALID_LEVEL where the service manager has no recovery
 */
export function writeRecovery(name: string, recovery: Recovery): void {
  const actions = recovery.restartAfterMs.map((delayMs) => ({ type: SC_ACTION_RESTART, delayMs }));
  // Asking for a restart takes the right to start.
  withService(name, serviceRights.changeConfig | serviceRights.start, (service) => {
    const resetSeconds = recovery.resetAfterSeconds;
    setFailureActions(service, { resetSeconds, rebootMessage: null, command: null, actions });
    setConfig2(service, configLevel.failureActionsFlag, recovery.alsoWithoutCrash);
  });
}

/** Texts one behind the other, an empty one at the end. */
function textsAt(address: Pointer): string[] {
  const text = textAt(address);
  return text === "" ? [] : [text, ...textsAt(address + BigInt(2 * (text.length + 1)))];
}

const advapi32 = lazy(() => {
  const library = koffi().load("advapi32.dll");
  return {
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
  };
});
