import { type Handle, WindowsError } from "../native.ts";
import {
  configLevel,
  queryConfig2,
  queryFailureActions,
  setConfig2,
  setFailureActions,
} from "../service-config-calls.ts";
import { serviceRights, withService } from "../service-control.ts";
import type { FailureActions } from "./originals.ts";

const ERROR_INVALID_LEVEL = 124;
const SC_ACTION_RESTART = 1;

/**
 * What the service manager does when the service fails, all of it; undefined where it knows no such thing.
 *
 * @throws {WindowsError}
 */
export function readFailureActions(service: Handle): FailureActions | undefined {
  try {
    const alsoWithoutCrash = queryConfig2(service, configLevel.failureActionsFlag).readUInt32LE(0) !== 0;
    return { ...queryFailureActions(service), alsoWithoutCrash };
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
  const starts = failureActions.actions.some(({ type }) => type === SC_ACTION_RESTART);
  // Asking for a restart takes the right to start.
  withService(name, serviceRights.changeConfig | (starts ? serviceRights.start : 0), (service) => {
    setFailureActions(service, failureActions);
    setConfig2(service, configLevel.failureActionsFlag, failureActions.alsoWithoutCrash);
  });
}
