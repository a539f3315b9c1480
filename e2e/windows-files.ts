/** The test files that a Windows machine can run, each on a machine of its own: prints `files=[…]` for the workflow. */
import { globSync } from "node:fs";

/** Signs with a program for Linux, and asks nothing of Windows. */
const onLinuxOnly = ["wine/signing"];

const files = globSync("{windows,wine}/*.test.ts", { cwd: import.meta.dirname })
  .map((file) => file.replaceAll("\\", "/").replace(".test.ts", ""))
  .filter((file) => !onLinuxOnly.includes(file))
  .sort();
console.log(`files=${JSON.stringify(files)}`);
