import { INFINITE } from "./kernel32.ts";
import { type Handle, koffi, lazy, type Pointer, succeed } from "./native.ts";

const WT_EXECUTEONLYONCE = 0x8;

/**
 * Resolves when the event is set. The system's own wait threads do the waiting, so it holds none of Node's: a client
 * that keeps a pipe open cannot starve files, name resolution or cryptography.
 */
export function whenSet(event: Handle): Promise<void> {
  return new Promise((resolve, reject) => {
    const id = ++lastId;
    const wait: [Handle | null] = [null];
    waiters.set(id, () => {
      waits().UnregisterWait(wait[0] ?? 0);
      resolve();
    });
    try {
      const { RegisterWaitForSingleObject, callback } = waits();
      succeed(
        "RegisterWaitForSingleObject",
        RegisterWaitForSingleObject(wait, event, callback, id, INFINITE, WT_EXECUTEONLYONCE),
      );
    } catch (error) {
      waiters.delete(id);
      reject(error);
    }
  });
}

/** By the number handed through Windows as the callback's context. */
const waiters = new Map<number, () => void>();
let lastId = 0;

const waits = lazy(() => {
  const library = koffi().load("kernel32.dll");
  const type = koffi().proto("void __stdcall WaitOrTimerCallback(intptr_t context, uint8_t timedOut)");
  return {
    callback: koffi().register((context: number) => {
      const done = waiters.get(context);
      waiters.delete(context);
      done?.();
    }, koffi().pointer(type)),
    RegisterWaitForSingleObject: library.func(
      "int RegisterWaitForSingleObject(_Out_ intptr_t *wait, intptr_t object, WaitOrTimerCallback *callback, " +
        "intptr_t context, uint32_t milliseconds, uint32_t flags)",
    ) as (
      wait: [Handle | null],
      object: Handle,
      callback: Pointer,
      context: number,
      milliseconds: number,
      flags: number,
    ) => number,
    UnregisterWait: library.func("int UnregisterWait(intptr_t wait)") as (wait: Handle) => number,
  };
});
