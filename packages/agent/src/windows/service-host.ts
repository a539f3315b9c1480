import type { ServiceHost, StopReason } from "../ports.ts";
import { kernel32 } from "./kernel32.ts";
import { type Handle, koffi, lazy, type Pointer, succeed, windowsErrorOf } from "./native.ts";
import { whenSet } from "./waiting.ts";

const SERVICE_WIN32_OWN_PROCESS = 0x10;

/** What the service manager may ask (winsvc.h). */
const controls = { stop: 1, interrogate: 4, shutdown: 5, preshutdown: 15 } as const;

/** The same, as bits of what we accept. Pausing is never accepted. */
const accept = { stop: 0x1, shutdown: 0x4, preshutdown: 0x100 } as const;

const states = { stopped: 1, startPending: 2, stopPending: 3, running: 4 } as const;

const NO_ERROR = 0;
const ERROR_CALL_NOT_IMPLEMENTED = 120;
const ERROR_INVALID_SERVICE_CONTROL = 1052;
const ERROR_EXCEPTION_IN_SERVICE = 1064;

/** How long the service manager is asked to wait for a start or a stop. */
const pendingMs = 20_000;

/** What whoever called has for telling what failed. */
const failedLingerMs = 1_000;

/**
 * The Windows service manager as our host. STOP is refused until {@link ServiceHost.setStoppable} allows it: a service
 * that has not yet read its state must not be stopped by whoever is quick.
 */
export function windowsServiceHost(serviceName: string): ServiceHost {
  let stoppable = false;
  let state: number = states.startPending;
  let statusHandle: Handle = 0;
  let stop: ((reason: StopReason) => void) | undefined;
  let failure: unknown;

  return { run, setStoppable };

  function setStoppable(allowed: boolean): void {
    stoppable = allowed;
    if (state === states.running) report(states.running);
  }

  async function run(main: () => Promise<{ onStop(reason: StopReason): Promise<void> }>): Promise<void> {
    await dispatch(serviceName, () => void serve(main));
    // The service manager has been told; nothing that is still open may keep the process, and with it the pipe.
    if (failure === undefined) process.exit();
    setTimeout(() => process.exit(1), failedLingerMs).unref();
    throw failure;
  }

  /** ServiceMain: it may return at once, the service lives until it is reported as stopped. */
  async function serve(main: () => Promise<{ onStop(reason: StopReason): Promise<void> }>): Promise<void> {
    const asked = new Promise<StopReason>((resolve) => {
      stop = resolve;
    });
    try {
      statusHandle = registerHandler(serviceName, onControl);
      report(states.startPending);
      const { onStop } = await main();
      report(states.running);
      const reason = await asked;
      report(states.stopPending);
      await onStop(reason);
      report(states.stopped);
      // An installer that waited for this replaces our files next: it must not find them in use.
      kernel32().TerminateProcess(kernel32().GetCurrentProcess(), NO_ERROR);
    } catch (error) {
      failure = error;
      report(states.stopped, ERROR_EXCEPTION_IN_SERVICE);
    }
  }

  function onControl(control: number): number {
    switch (control) {
      case controls.interrogate:
        return NO_ERROR;
      case controls.shutdown:
      case controls.preshutdown:
        return end("shutdown");
      case controls.stop:
        // One that was on its way when stopping ceased to be accepted.
        if (!stoppable) return ERROR_INVALID_SERVICE_CONTROL;
        return end("stop");
      default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
  }

  /** Whoever asked is answered with this state; an installer that still saw "running" would not wait for the end. */
  function end(reason: StopReason): number {
    if (stop && state === states.running) report(states.stopPending);
    stop?.(reason);
    return NO_ERROR;
  }

  function report(next: number, exitCode = NO_ERROR): void {
    state = next;
    const pending = next === states.startPending || next === states.stopPending;
    succeed(
      "SetServiceStatus",
      advapi32().SetServiceStatus(statusHandle, {
        dwServiceType: SERVICE_WIN32_OWN_PROCESS,
        dwCurrentState: next,
        dwControlsAccepted: next === states.running ? acceptedControls(stoppable) : 0,
        dwWin32ExitCode: exitCode,
        dwServiceSpecificExitCode: 0,
        dwCheckPoint: 0,
        dwWaitHint: pending ? pendingMs : 0,
      }),
    );
  }
}

/** Shutdown always, so that it stays orderly; STOP only where protection allows it; PAUSE never. */
export function acceptedControls(stoppable: boolean): number {
  return accept.shutdown | accept.preshutdown | (stoppable ? accept.stop : 0);
}

/**
 * Hands this process to the service manager; resolves when the service has stopped.
 *
 * The dispatcher blocks for that long, so it gets a thread of its own, which the system starts right in it: one of Node's
 * pool would be missing there, and would keep a failing process from ending.
 */
async function dispatch(serviceName: string, serviceMain: () => void): Promise<void> {
  const main = koffi().register(serviceMain, koffi().pointer(types().ServiceMain));
  const table = koffi().alloc(types().TableEntry, 2);
  koffi().encode(
    table,
    types().TableEntry,
    [
      { lpServiceName: serviceName, lpServiceProc: main },
      { lpServiceName: null, lpServiceProc: null },
    ],
    2,
  );
  const thread = startThread(advapi32().StartServiceCtrlDispatcherW, table);
  // Nothing of the above is known to Node's event loop, which would end with its last timer or socket.
  const alive = setInterval(() => {}, 60_000);
  try {
    await whenSet(thread);
  } finally {
    clearInterval(alive);
  }
  // Its only way to fail here (ERROR_FAILED_SERVICE_CONTROLLER_CONNECT): started by hand.
  if (threadResult(thread) === 0) throw new Error(`only the service manager can start this: sc start ${serviceName}`);
}

function startThread(start: Pointer, argument: Pointer): Handle {
  const thread = kernel32().CreateThread(null, 0, start, argument, 0, null);
  if (thread === 0) throw windowsErrorOf("CreateThread");
  return thread;
}

function threadResult(thread: Handle): number {
  const result: [number | null] = [null];
  succeed("GetExitCodeThread", kernel32().GetExitCodeThread(thread, result));
  return result[0] ?? 0;
}

function registerHandler(serviceName: string, onControl: (control: number) => number): Handle {
  const handler = koffi().register(onControl, koffi().pointer(types().HandlerEx));
  const handle = advapi32().RegisterServiceCtrlHandlerExW(serviceName, handler, null);
  if (handle === 0) throw windowsErrorOf("RegisterServiceCtrlHandlerExW");
  return handle;
}

const types = lazy(() => {
  const ServiceMain = koffi().proto("void __stdcall ServiceMain(uint32_t count, void *arguments)");
  const HandlerEx = koffi().proto(
    "uint32_t __stdcall HandlerEx(uint32_t control, uint32_t eventType, void *eventData, void *context)",
  );
  const TableEntry = koffi().struct("SERVICE_TABLE_ENTRYW", {
    lpServiceName: "str16",
    lpServiceProc: koffi().pointer(ServiceMain),
  });
  return { ServiceMain, HandlerEx, TableEntry };
});

interface ServiceStatus {
  dwServiceType: number;
  dwCurrentState: number;
  dwControlsAccepted: number;
  dwWin32ExitCode: number;
  dwServiceSpecificExitCode: number;
  dwCheckPoint: number;
  dwWaitHint: number;
}

const advapi32 = lazy(() => {
  types();
  const library = koffi().load("advapi32.dll");
  koffi().struct("SERVICE_STATUS", {
    dwServiceType: "uint32_t",
    dwCurrentState: "uint32_t",
    dwControlsAccepted: "uint32_t",
    dwWin32ExitCode: "uint32_t",
    dwServiceSpecificExitCode: "uint32_t",
    dwCheckPoint: "uint32_t",
    dwWaitHint: "uint32_t",
  });
  return {
    StartServiceCtrlDispatcherW: library.symbol("StartServiceCtrlDispatcherW") as Pointer,
    RegisterServiceCtrlHandlerExW: library.func(
      "intptr_t RegisterServiceCtrlHandlerExW(str16 name, HandlerEx *handler, void *context)",
    ) as (name: string, handler: Pointer, context: null) => Handle,
    SetServiceStatus: library.func("int SetServiceStatus(intptr_t handle, SERVICE_STATUS *status)") as (
      handle: Handle,
      status: ServiceStatus,
    ) => number,
  };
});
