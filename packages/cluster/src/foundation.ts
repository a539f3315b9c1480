import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Argon2Cost, usualCost } from "./argon2id.ts";
import { type Audit, createAudit } from "./audit/record.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";
import { createIds, type NewId, type RandomBytes } from "./db/ids.ts";
import { openSqliteStore } from "./db/sqlite/open.ts";
import { createPasswords, type Passwords } from "./identity/passwords.ts";
import { type KeyStore, openKeyStore } from "./keys/key-store.ts";
import { type Database, migrations, type Store } from "./schema.ts";

/** What every command that works on a data directory needs, opened and locked. */
export interface Foundation {
  readonly config: Config;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly newId: NewId;
  readonly store: Store;
  readonly audit: Audit;
  readonly keyStore: KeyStore;
  readonly passwords: Passwords;
}

export interface FoundationOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** The database cannot be written any more; the process should end. */
  readonly onDeath: (error: Error) => void;
  /** What hashing a password costs; tests take less. */
  readonly cost?: Argon2Cost;
}

/**
 * Opens the data directory, which is made, for its owner only, when it is not there.
 *
 * @throws {DataDirectoryInUse, SchemaMismatch, KeyStoreError, ConfigError}
 */
export async function openFoundation(options: FoundationOptions): Promise<Foundation> {
  const { config, clock, randomBytes, onDeath, cost = usualCost } = options;
  const passphrase =
    config.keyPassphraseFile === null ? null : readSecretFile("POSTERN_KEY_PASSPHRASE_FILE", config.keyPassphraseFile);
  makeDataDirectory(config.dataDirectory);
  const now = () => clock.now();
  const store = await openSqliteStore<Database>({ directory: config.dataDirectory, migrations, now, onDeath });
  try {
    const keyStore = await openKeyStore({
      directory: join(config.dataDirectory, "keys"),
      passphrase,
      randomBytes,
      cost,
    });
    const newId = createIds(now, randomBytes);
    const audit = createAudit(clock, newId);
    return { config, clock, randomBytes, newId, store, audit, keyStore, passwords: createPasswords(cost, randomBytes) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * A secret that a file holds in its first line.
 *
 * @throws {ConfigError} naming the setting
 */
export function readSecretFile(setting: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`${setting} names ${path}, which cannot be read. Check the path and who may read it.`, {
      cause: error,
    });
  }
  const [line = ""] = text.split(/\r?\n/, 1);
  if (line === "")
    throw new ConfigError(`${setting} names ${path}, whose first line is empty. Write the secret there.`);
  return line;
}

function makeDataDirectory(path: string): void {
  try {
    makeWithParents(resolve(path));
  } catch (error) {
    throw new ConfigError(`The data directory ${path} cannot be made. Check POSTERN_DATA and who may write there.`, {
      cause: error,
    });
  }
}

/** Node's own `recursive` runs for ever where the file system answers "no such file" to making one, as /proc does. */
function makeWithParents(path: string): void {
  if (existsSync(path)) return;
  makeWithParents(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}
