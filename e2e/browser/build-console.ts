import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Tests the console as it is in the checkout. */
export function setup(): void {
  const script = join(import.meta.dirname, "../../scripts/build-console.mjs");
  execFileSync(process.execPath, [script], { stdio: "inherit" });
}
