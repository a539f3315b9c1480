import { type Handle, koffi, lazy, type Pointer } from "./native.ts";

export const INFINITE = 0xffffffff;
export const INVALID_HANDLE: Handle = -1;

/** Processes, handles, events and pipes of kernel32.dll, as the API names them. */
export const kernel32 = lazy(() => {
  const library = koffi().load("kernel32.dll");
  koffi().struct("SECURITY_ATTRIBUTES", {
    nLength: "uint32_t",
    lpSecurityDescriptor: "void *",
    bInheritHandle: "int",
  });
  return {
    CloseHandle: library.func("int CloseHandle(intptr_t object)") as (object: Handle) => number,
    GetCurrentProcess: library.func("intptr_t GetCurrentProcess()") as () => Handle,
    TerminateProcess: library.func("int TerminateProcess(intptr_t process, uint32_t exitCode)") as (
      process: Handle,
      exitCode: number,
    ) => number,
    CreateThread: library.func(
      "intptr_t CreateThread(void *attributes, size_t stackBytes, void *start, void *argument, uint32_t flags, void *id)",
    ) as (attributes: null, stackBytes: number, start: Pointer, argument: Pointer, flags: number, id: null) => Handle,
    GetExitCodeThread: library.func("int GetExitCodeThread(intptr_t thread, _Out_ uint32_t *result)") as (
      thread: Handle,
      result: [number | null],
    ) => number,
    LocalFree: library.func("void *LocalFree(void *memory)") as (memory: Pointer) => Pointer | null,
    CreateEventW: library.func(
      "intptr_t CreateEventW(void *attributes, int manualReset, int initialState, str16 name)",
    ) as (attributes: null, manualReset: number, initialState: number, name: null) => Handle,
    ResetEvent: library.func("int ResetEvent(intptr_t event)") as (event: Handle) => number,
    CreateNamedPipeW: library.func(
      "intptr_t CreateNamedPipeW(str16 name, uint32_t openMode, uint32_t pipeMode, uint32_t maxInstances, " +
        "uint32_t outBytes, uint32_t inBytes, uint32_t defaultTimeoutMs, SECURITY_ATTRIBUTES *attributes)",
    ) as (
      name: string,
      openMode: number,
      pipeMode: number,
      maxInstances: number,
      outBytes: number,
      inBytes: number,
      defaultTimeoutMs: number,
      attributes: { nLength: number; lpSecurityDescriptor: Pointer; bInheritHandle: number },
    ) => Handle,
    ConnectNamedPipe: library.func("int ConnectNamedPipe(intptr_t pipe, void *overlapped)") as (
      pipe: Handle,
      overlapped: Pointer,
    ) => number,
    DisconnectNamedPipe: library.func("int DisconnectNamedPipe(intptr_t pipe)") as (pipe: Handle) => number,
    GetNamedPipeServerProcessId: library.func(
      "int GetNamedPipeServerProcessId(intptr_t pipe, _Out_ uint32_t *processId)",
    ) as (pipe: Handle, processId: [number | null]) => number,
    CreateFileW: library.func(
      "intptr_t CreateFileW(str16 name, uint32_t access, uint32_t share, void *attributes, uint32_t disposition, " +
        "uint32_t flags, intptr_t template)",
    ) as (
      name: string,
      access: number,
      share: number,
      attributes: null,
      disposition: number,
      flags: number,
      template: Handle,
    ) => Handle,
    ReadFile: library.func(
      "int ReadFile(intptr_t file, void *buffer, uint32_t bytes, void *transferred, void *overlapped)",
    ) as (file: Handle, buffer: Pointer, bytes: number, transferred: null, overlapped: Pointer) => number,
    WriteFile: library.func(
      "int WriteFile(intptr_t file, void *buffer, uint32_t bytes, void *transferred, void *overlapped)",
    ) as (file: Handle, buffer: Pointer, bytes: number, transferred: null, overlapped: Pointer) => number,
    GetOverlappedResult: library.func(
      "int GetOverlappedResult(intptr_t file, void *overlapped, _Out_ uint32_t *transferred, int wait)",
    ) as (file: Handle, overlapped: Pointer, transferred: [number | null], wait: number) => number,
    CancelIoEx: library.func("int CancelIoEx(intptr_t file, void *overlapped)") as (
      file: Handle,
      overlapped: Pointer | null,
    ) => number,
  };
});
