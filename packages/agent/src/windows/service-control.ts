import { type Handle, koffi, lazy, type Pointer, succeed, windowsErrorOf } from "./native.ts";
import { withOwnership } from "./ownership.ts";
import { descriptorOfObject, informationOf, securedObjects, withDescriptor } from "./security.ts";

const SC_MANAGER_CONNECT = 0x1;
const SERVICE_CONFIG_SERVICE_SID_INFO = 5;
const SERVICE_SID_TYPE_UNRESTRICTED = 1;
const SC_STATUS_PROCESS_INFO = 0;

/** Rights on a service (winsvc.h, winnt.h). */
export const serviceRights = {
  queryConfig: 0x1,
  changeConfig: 0x2,
  queryStatus: 0x4,
  start: 0x10,
  readControl: 0x20000,
  writeDacl: 0x40000,
  writeOwner: 0x80000,
} as const;

/** The service's key beneath HKEY_LOCAL_MACHINE. */
export function serviceKey(name: string): string {
  return `SYSTEM\\CurrentControlSet\\Services\\${name}`;
}

/**
 * Sets the service's descriptor as the SDDL says: its DACL, and its owner where one is named.
 *
 * @throws {WindowsError}
 */
export function setServiceSecurity(name: string, sddl: string): void {
  const set = (service: Handle) =>
    withDescriptor(sddl, (descriptor) =>
      succeed(
        "SetServiceObjectSecurity",
        advapi32().SetServiceObjectSecurity(service, informationOf(sddl), descriptor),
      ),
    );
  withOwnership(securedObjects.service, sddl, (rights, use) => withService(name, rights, use), set);
}

/**
 * The service's owner and DACL, in SDDL.
 *
 * @throws {WindowsError}
 */
export function serviceDescriptor(name: string): string {
  return withService(name, serviceRights.readControl, (service) => descriptorOfObject(service, securedObjects.service));
}

/**
 * Has the service manager put the service's own SID into the token of its process from the next start on.
 *
 * @throws {WindowsError}
 */
export function requestServiceSid(name: string): void {
  withService(name, serviceRights.changeConfig, (service) =>
    succeed(
      "ChangeServiceConfig2W",
      advapi32().ChangeServiceConfig2W(service, SERVICE_CONFIG_SERVICE_SID_INFO, [SERVICE_SID_TYPE_UNRESTRICTED]),
    ),
  );
}

/**
 * The process the service manager runs the service in; 0 when it does not run.
 *
 * @throws {WindowsError} also when there is no such service
 */
export function serviceProcessId(name: string): number {
  return withService(name, serviceRights.queryStatus, (service) => {
    const status = { dwProcessId: 0 };
    const bytes = koffi().sizeof("SERVICE_STATUS_PROCESS");
    succeed(
      "QueryServiceStatusEx",
      advapi32().QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, status, bytes, [null]),
    );
    return status.dwProcessId;
  });
}

/**
 * Opens a service, lets `use` have it and closes it.
 *
 * @throws {WindowsError}
 */
export function withService<T>(name: string, rights: number, use: (service: Handle) => T): T {
  const manager = advapi32().OpenSCManagerW(null, null, SC_MANAGER_CONNECT);
  if (manager === 0) throw windowsErrorOf("OpenSCManagerW");
  try {
    const service = advapi32().OpenServiceW(manager, name, rights);
    if (service === 0) throw windowsErrorOf("OpenServiceW");
    try {
      return use(service);
    } finally {
      advapi32().CloseServiceHandle(service);
    }
  } finally {
    advapi32().CloseServiceHandle(manager);
  }
}

const advapi32 = lazy(() => {
  const library = koffi().load("advapi32.dll");
  koffi().struct("SERVICE_STATUS_PROCESS", {
    dwServiceType: "uint32_t",
    dwCurrentState: "uint32_t",
    dwControlsAccepted: "uint32_t",
    dwWin32ExitCode: "uint32_t",
    dwServiceSpecificExitCode: "uint32_t",
    dwCheckPoint: "uint32_t",
    dwWaitHint: "uint32_t",
    dwProcessId: "uint32_t",
    dwServiceFlags: "uint32_t",
  });
  return {
    OpenSCManagerW: library.func("intptr_t OpenSCManagerW(str16 machine, str16 database, uint32_t rights)") as (
      machine: null,
      database: null,
      rights: number,
    ) => Handle,
    OpenServiceW: library.func("intptr_t OpenServiceW(intptr_t manager, str16 name, uint32_t rights)") as (
      manager: Handle,
      name: string,
      rights: number,
    ) => Handle,
    CloseServiceHandle: library.func("int CloseServiceHandle(intptr_t handle)") as (handle: Handle) => number,
    SetServiceObjectSecurity: library.func(
      "int SetServiceObjectSecurity(intptr_t service, uint32_t what, void *descriptor)",
    ) as (service: Handle, what: number, descriptor: Pointer) => number,
    ChangeServiceConfig2W: library.func(
      "int ChangeServiceConfig2W(intptr_t service, uint32_t level, uint32_t *info)",
    ) as (service: Handle, level: number, info: [number]) => number,
    QueryServiceStatusEx: library.func(
      "int QueryServiceStatusEx(intptr_t service, int level, _Out_ SERVICE_STATUS_PROCESS *status, uint32_t bytes, " +
        "_Out_ uint32_t *needed)",
    ) as (
      service: Handle,
      level: number,
      status: { dwProcessId: number },
      bytes: number,
      needed: [number | null],
    ) => number,
  };
});
