import { type Handle, koffi, lazy, type Pointer, succeed, WindowsError } from "../native.ts";
import { serviceRights, withService } from "../service-control.ts";
import type { FailureActions } from "./originals.ts";

const SERVICE_CONFIG_FAILURE_ACTIONS = 2;
const SERVICE_CONFIG_FAILURE_ACTIONS_FLAG = 4;
const ERROR_INVALID_LEVEL = 124;

/** No answer about a service's configuration is longer. */
export const largestConfigBytes = 8 * 1024;

/**
 * What the service manager does when the service fails, all of it; undefined where it knows no such thing.
 *
 * @throws {WindowsError}
 */
export function readFailureActions(service: Handle): FailureActions | undefined {
  try {
    const failures = queryConfig2(service, SERVICE_CONFIG_FAILURE_ACTIONS);
    const flag = queryConfig2(service, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG);
    // SERVICE_FAILURE_ACTIONSW; its texts and its pairs of what and when lie behind it in the same memory.
    const actions = failures.readBigUInt64LE(32);
    return {
      resetSeconds: failures.readUInt32LE(0),
      rebootMessage: textAt(failures.readBigUInt64LE(8)),
      command: textAt(failures.readBigUInt64LE(16)),
      actions: Array.from({ length: failures.readUInt32LE(24) }, (_, index) => {
        const [type, delayMs] = koffi().decode(actions + BigInt(8 * index), "uint32_t", 2) as [number, number];
        return { type, delayMs };
      }),
      alsoWithoutCrash: flag.readUInt32LE(0) !== 0,
    };
  } catch (error) {
    if (error instanceof WindowsError && error.code === ERROR_INVALID_LEVEL) return undefined;
    throw error;
  }
}

/**
 * Sets what {@link readFailureActions} reads.
 *
 * @throws {WindowsError}
 */
export function writeFailureActions(name: string, failureActions: FailureActions): void {
  const { resetSeconds, rebootMessage, command, actions, alsoWithoutCrash } = failureActions;
  const SC_ACTION_RESTART = 1;
  const starts = actions.some(({ type }) => type === SC_ACTION_RESTART);
  // Asking for a restart takes the right to start.
  withService(name, serviceRights.changeConfig | (starts ? serviceRights.start : 0), (service) => {
    succeed(
      "ChangeServiceConfig2W",
      advapi32().setFailureActions(service, SERVICE_CONFIG_FAILURE_ACTIONS, {
        dwResetPeriod: resetSeconds,
        lpRebootMsg: rebootMessage,
        lpCommand: command,
        cActions: actions.length,
        // An array even when there are none: a null pointer would leave those that there are.
        lpsaActions: (actions.length > 0 ? actions : [{ type: 0, delayMs: 0 }]).map(({ type, delayMs }) => ({
          Type: type,
          Delay: delayMs,
        })),
      }),
    );
    succeed(
      "ChangeServiceConfig2W",
      advapi32().setFlag(service, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, [Number(alsoWithoutCrash)]),
    );
  });
}

/** @throws {WindowsError} */
export function queryConfig2(service: Handle, level: number): Buffer {
  const info = Buffer.alloc(largestConfigBytes);
  succeed("QueryServiceConfig2W", advapi32().QueryServiceConfig2W(service, level, info, info.length, [null]));
  return info;
}

function textAt(address: Pointer): string {
  return address === 0n ? "" : koffi().decode.string16(address);
}

const advapi32 = lazy(() => {
  const library = koffi().load("advapi32.dll");
  koffi().struct("EXACT_SC_ACTION", { Type: "uint32_t", Delay: "uint32_t" });
  koffi().struct("EXACT_SERVICE_FAILURE_ACTIONSW", {
    dwResetPeriod: "uint32_t",
    lpRebootMsg: "str16",
    lpCommand: "str16",
    cActions: "uint32_t",
    lpsaActions: "EXACT_SC_ACTION *",
  });
  return {
    QueryServiceConfig2W: library.func(
      "int QueryServiceConfig2W(intptr_t service, uint32_t level, void *info, uint32_t bytes, _Out_ uint32_t *needed)",
    ) as (service: Handle, level: number, info: Buffer, bytes: number, needed: [number | null]) => number,
    // One function of Windows, whose last argument is of the kind that the level asks for.
    setFlag: library.func("int ChangeServiceConfig2W(intptr_t service, uint32_t level, uint32_t *info)") as (
      service: Handle,
      level: number,
      info: [number],
    ) => number,
    setFailureActions: library.func(
      "int ChangeServiceConfig2W(intptr_t service, uint32_t level, EXACT_SERVICE_FAILURE_ACTIONSW *info)",
    ) as (
      service: Handle,
      level: number,
      info: {
        readonly dwResetPeriod: number;
        readonly lpRebootMsg: string;
        readonly lpCommand: string;
        readonly cActions: number;
        readonly lpsaActions: readonly { readonly Type: number; readonly Delay: number }[];
      },
    ) => number,
  };
});
