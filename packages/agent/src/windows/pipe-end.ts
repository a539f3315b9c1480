import { INVALID_HANDLE, kernel32 } from "./kernel32.ts";
import { type Handle, koffi, lazy, type Pointer, succeed, WindowsError, windowsErrorOf } from "./native.ts";
import { whenSet } from "./waiting.ts";

const ERROR_BROKEN_PIPE = 109;
const ERROR_NO_DATA = 232;
const ERROR_PIPE_NOT_CONNECTED = 233;
const ERROR_PIPE_CONNECTED = 535;
const ERROR_OPERATION_ABORTED = 995;
const ERROR_IO_PENDING = 997;

const bufferBytes = 4096;

/**
 * One end of a named pipe opened for overlapped input and output, one operation at a time. Operations are cancelled by
 * {@link PipeEnd.cancel} and then fail with ERROR_OPERATION_ABORTED.
 */
export class PipeEnd {
  readonly handle: Handle;
  readonly #event: Handle;
  readonly #overlapped: Pointer;
  readonly #buffer: Pointer;
  #cancelled = false;

  constructor(handle: Handle) {
    this.handle = handle;
    this.#event = kernel32().CreateEventW(null, 1, 0, null);
    if (this.#event === 0) throw windowsErrorOf("CreateEventW");
    // Windows writes into both after the call has returned, so they are not the collector's to move.
    this.#overlapped = koffi().alloc("uint8_t", koffi().sizeof(overlappedType()));
    this.#buffer = koffi().alloc("uint8_t", bufferBytes);
  }

  /** The server's side: resolves when a client has connected. */
  async connect(): Promise<void> {
    await this.#operate("ConnectNamedPipe", () => kernel32().ConnectNamedPipe(this.handle, this.#overlapped));
  }

  /** Some bytes, or undefined when the far end has closed. */
  async read(): Promise<Buffer | undefined> {
    try {
      const bytes = await this.#operate("ReadFile", () =>
        kernel32().ReadFile(this.handle, this.#buffer, bufferBytes, null, this.#overlapped),
      );
      return Buffer.from(koffi().view(this.#buffer, bytes).slice(0));
    } catch (error) {
      if (isFarEndGone(error)) return undefined;
      throw error;
    }
  }

  async write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + bufferBytes);
      new Uint8Array(koffi().view(this.#buffer, piece.length)).set(piece);
      at += await this.#operate("WriteFile", () =>
        kernel32().WriteFile(this.handle, this.#buffer, piece.length, null, this.#overlapped),
      );
    }
  }

  /** Runs `exchange`, cancelled when it takes longer than `limitMs`. */
  async within<T>(limitMs: number, exchange: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.cancel(), limitMs);
    try {
      return await exchange();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends what is under way and refuses what follows, until {@link reuse}. */
  cancel(): void {
    this.#cancelled = true;
    kernel32().CancelIoEx(this.handle, null);
  }

  /** The server's side: lets the client go and makes the end ready for the next. */
  reuse(): void {
    kernel32().DisconnectNamedPipe(this.handle);
    this.#cancelled = false;
  }

  /** Call it when no operation is under way. */
  close(): void {
    kernel32().CloseHandle(this.handle);
    kernel32().CloseHandle(this.#event);
    koffi().free(this.#overlapped);
    koffi().free(this.#buffer);
  }

  /** Starts an operation, waits for it without holding a thread, and answers with the bytes it moved. */
  async #operate(call: string, start: () => number): Promise<number> {
    if (this.#cancelled) throw new WindowsError(call, ERROR_OPERATION_ABORTED);
    succeed("ResetEvent", kernel32().ResetEvent(this.#event));
    koffi().encode(this.#overlapped, overlappedType(), {
      Internal: 0,
      InternalHigh: 0,
      Offset: 0,
      OffsetHigh: 0,
      hEvent: this.#event,
    });
    if (start() === 0) {
      const error = windowsErrorOf(call);
      if (error.code === ERROR_PIPE_CONNECTED) return 0;
      if (error.code !== ERROR_IO_PENDING) throw error;
    }
    await whenSet(this.#event);
    const moved: [number | null] = [null];
    succeed(call, kernel32().GetOverlappedResult(this.handle, this.#overlapped, moved, 1));
    return moved[0] ?? 0;
  }
}

/** Whether an operation failed because it was cancelled. */
export function isCancelled(error: unknown): boolean {
  return error instanceof WindowsError && error.code === ERROR_OPERATION_ABORTED;
}

/** Whether an operation failed because the other side is no longer there. */
export function isFarEndGone(error: unknown): boolean {
  const gone = [ERROR_BROKEN_PIPE, ERROR_NO_DATA, ERROR_PIPE_NOT_CONNECTED];
  return error instanceof WindowsError && gone.includes(error.code);
}

/** A handle as the API answers it, or what Windows says. */
export function openedPipe(call: string, handle: Handle): Handle {
  if (handle === INVALID_HANDLE) throw windowsErrorOf(call);
  return handle;
}

const overlappedType = lazy(() =>
  koffi().struct("OVERLAPPED", {
    Internal: "uintptr_t",
    InternalHigh: "uintptr_t",
    Offset: "uint32_t",
    OffsetHigh: "uint32_t",
    hEvent: "intptr_t",
  }),
);
