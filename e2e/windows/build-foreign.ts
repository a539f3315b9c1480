/** Makes the foreign package beside ours, for the tests on Windows: its tool runs on Linux only. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { distFolder } from "../../packages/agent/build/agent.ts";

const out = join(distFolder, "foreign.msi");
execFileSync("wixl", ["-a", "x64", "-o", out, "foreign.wxs"], { cwd: import.meta.dirname, stdio: "inherit" });
