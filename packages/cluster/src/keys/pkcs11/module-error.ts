import { KeyStoreError } from "../key-store.ts";
import type { ModuleOptions } from "./session.ts";

/** A PKCS#11 module cannot be used, or lacks a key. The message says what to do, and never holds the PIN. */
export class ModuleError extends KeyStoreError {
  /** Trying again would do harm. */
  readonly isFinal: boolean;

  constructor(message: string, options?: ErrorOptions, isFinal = false) {
    super(message, options);
    this.isFinal = isFinal;
  }
}

type Where = Pick<ModuleOptions, "modulePath" | "tokenLabel">;

export const sentenceFor = {
  noModule: (path: string, reason: string) =>
    `The PKCS#11 module ${path} cannot be loaded: ${reason}. Check POSTERN_PKCS11_MODULE, and that the module is installed.`,
  noToken: ({ modulePath, tokenLabel }: Where, labels: readonly string[]) =>
    `The PKCS#11 module ${modulePath} has no token with the label "${tokenLabel}". ` +
    (labels.length === 0
      ? "It has none at all: check that it is connected and initialised."
      : `It has: ${labels.map((label) => `"${label}"`).join(", ")}. Check POSTERN_PKCS11_TOKEN.`),
  wrongPin: ({ tokenLabel }: Where) =>
    `The PIN of the PKCS#11 token "${tokenLabel}" is wrong. Check the file named in POSTERN_PKCS11_PIN_FILE, and then start again: after a few wrong ones the token locks itself.`,
  pinLocked: ({ tokenLabel }: Where) =>
    `The PIN of the PKCS#11 token "${tokenLabel}" is locked after too many wrong ones. Unlock it as the module's manual says.`,
  noKey: (use: string, { tokenLabel }: Where) =>
    `The PKCS#11 token "${tokenLabel}" does not have the ${use} key any more. Restore it as the module's manual says.`,
  failed: (call: string, what: string, { tokenLabel }: Where) =>
    `The PKCS#11 token "${tokenLabel}" failed at ${call}: ${what}. Look at the module's own log.`,
};
