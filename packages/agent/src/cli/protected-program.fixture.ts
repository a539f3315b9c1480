// The agent's program for tests: all of it real but the guard, which says that it protects and remembers nothing.
// SIGUSR2 makes a mistake in it: an exception in a callback, and a promise that nobody waits for.

import { posixPlatform } from "../posix/platform.ts";
import { program } from "../program.ts";

process.on("SIGUSR2", () => {
  void Promise.reject(new Error("a forgotten promise"));
  throw new Error("a mistake in a callback");
});

void program(process.argv.slice(2), async ({ dataFolder = "" }) => ({
  ...posixPlatform(dataFolder),
  guard: {
    ...posixPlatform(dataFolder).guard,
    supported: true,
    arm: () => ({ fake: "on" }),
    disarm: () => ({ fake: "off" }),
    restore: () => ({ layers: { fake: "on" }, drifts: [] }),
  },
})).then((exitCode) => {
  process.exitCode = exitCode;
});
