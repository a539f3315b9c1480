// The agent's program for tests: all of it real but the guard, which says that it protects and remembers nothing.

import { posixPlatform } from "../posix/platform.ts";
import { program } from "../program.ts";

void program(process.argv.slice(2), async ({ dataFolder = "" }) => ({
  ...posixPlatform(dataFolder),
  guard: { supported: true, arm: () => ({ fake: "on" }), disarm: () => ({ fake: "off" }) },
})).then((exitCode) => {
  process.exitCode = exitCode;
});
