import type { ServiceHost, StopReason } from "../ports.ts";

/** A process in the foreground, under whatever supervises it. SIGTERM and SIGINT end it. */
export function foregroundHost(): ServiceHost {
  return {
    async run(main) {
      const asked = new Promise<StopReason>((resolve) => {
        for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve("stop"));
      });
      const { onStop } = await main();
      await onStop(await asked);
    },
    setStoppable() {
      // Nobody here asks whether it may send a signal.
    },
  };
}
