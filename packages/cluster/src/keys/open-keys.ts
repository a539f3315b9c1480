import { type KeyStore, type OpenKeyStoreOptions, openKeyStore } from "./key-store.ts";
import type { ModuleOptions } from "./pkcs11/session.ts";

export interface OpenKeysOptions extends OpenKeyStoreOptions {
  /** Null: all keys are in files. */
  readonly pkcs11: ModuleOptions | null;
}

/**
 * Opens the key store, and the PKCS#11 module when there is one. Only then its code is loaded, which is native.
 *
 * @throws {KeyStoreError}
 */
export async function openKeys({ pkcs11, ...options }: OpenKeysOptions): Promise<KeyStore> {
  if (pkcs11 === null) return openKeyStore(options);
  const [{ openModule }, { withModule }] = await Promise.all([
    import("./pkcs11/module.ts"),
    import("./pkcs11/module-keys.ts"),
  ]);
  const module = await openModule(pkcs11);
  try {
    return withModule(await openKeyStore(options), module);
  } catch (error) {
    await module.close();
    throw error;
  }
}
