import { dirname, join } from "node:path";

type Koffi = typeof import("koffi");

/** A handle of the Windows API; the API's own pseudo-values (-1, the root keys) are negative. */
export type Handle = number;

/** An address in this process. */
export type Pointer = bigint;

/** What Windows answered to a call that failed. `code` is a Win32 error (winerror.h). */
export class WindowsError extends Error {
  override readonly name = "WindowsError";
  readonly call: string;
  readonly code: number;

  constructor(call: string, code: number) {
    super(`${call}: Windows error ${code}`);
    this.call = call;
    this.code = code;
  }
}

/**
 * The foreign function interface, from `koffi.node` beside the executable. Loaded at the first use and not before: the
 * rest of the agent also runs where there is none.
 */
export const koffi = lazy((): Koffi => {
  const addon: { exports: unknown } = { exports: {} };
  process.dlopen(addon, join(dirname(process.execPath), "koffi.node"));
  return addon.exports as Koffi;
});

/** Computes once, at the first call. */
export function lazy<T>(compute: () => T): () => T {
  let kept: { value: T } | undefined;
  return () => {
    kept ??= { value: compute() };
    return kept.value;
  };
}

const lastError = lazy(() => koffi().load("kernel32.dll").func("uint32_t GetLastError()") as () => number);

/** The error of the call just made on this thread; koffi keeps it safe from what Node calls in between. */
export function windowsErrorOf(call: string): WindowsError {
  return new WindowsError(call, lastError()());
}

/** For calls that answer with a Boolean: throws what Windows says when it is false. */
export function succeed(call: string, result: number): void {
  if (result === 0) throw windowsErrorOf(call);
}
