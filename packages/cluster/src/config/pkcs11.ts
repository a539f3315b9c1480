import type { Settings } from "./settings.ts";

/** A token of a PKCS#11 module. */
export interface Pkcs11Config {
  /** Path of the module's library. */
  readonly modulePath: string;
  readonly tokenLabel: string;
  /** Holds the PIN in its first line. */
  readonly pinFile: string;
}

/** @throws {ConfigError} one of the three settings without the others */
export function pkcs11Of(settings: Settings): Pkcs11Config | null {
  const modulePath = settings.value("pkcs11Module");
  const tokenLabel = settings.value("pkcs11Token");
  const pinFile = settings.value("pkcs11PinFile");
  if (modulePath === null && tokenLabel === null && pinFile === null) return null;
  const together = "Give the module, the token's label and the file with its PIN, or none of them.";
  if (modulePath === null) throw settings.error("pkcs11Module", "is missing", together);
  if (tokenLabel === null) throw settings.error("pkcs11Token", "is missing", together);
  if (pinFile === null) throw settings.error("pkcs11PinFile", "is missing", together);
  return { modulePath, tokenLabel, pinFile };
}
