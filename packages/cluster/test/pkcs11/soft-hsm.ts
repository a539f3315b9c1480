import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A real PKCS#11 module with tokens in a folder of its own: SoftHSM2, Debian's package `softhsm2`. */
export interface SoftHsm {
  readonly modulePath: string;
  readonly pin: string;
  readonly directory: string;
  /** For programs that load the module. */
  readonly env: { readonly SOFTHSM2_CONF: string };
  makeToken(label: string): void;
  /** Takes every token away, as when the module's storage is gone. */
  removeTokens(): void;
  remove(): void;
}

export function makeSoftHsm(): SoftHsm {
  const directory = mkdtempSync(join(tmpdir(), "postern-softhsm-"));
  const tokens = join(directory, "tokens");
  mkdirSync(tokens);
  const conf = join(directory, "softhsm2.conf");
  writeFileSync(conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  const env = { SOFTHSM2_CONF: conf };
  const pin = "4711-0815";
  return {
    modulePath: "/usr/lib/softhsm/libsofthsm2.so",
    pin,
    directory,
    env,
    makeToken(label) {
      const args = ["--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "so-secret"];
      execFileSync("softhsm2-util", args, { env: { ...process.env, ...env }, stdio: "pipe" });
    },
    removeTokens() {
      rmSync(tokens, { recursive: true });
      mkdirSync(tokens);
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
