import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Argon2Cost, usualCost } from "./argon2id.ts";
import { type Audit, createAudit } from "./audit/record.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";
import type { Pkcs11Config } from "./config/pkcs11.ts";
import { createIds, type NewId, type RandomBytes } from "./db/ids.ts";
import { describeAddress } from "./db/postgres/address.ts";
import { openPostgresStore } from "./db/postgres/open.ts";
import { lockDataDirectory } from "./db/sqlite/data-lock.ts";
import { openSqliteStore } from "./db/sqlite/open.ts";
import { createPasswords, type Passwords } from "./identity/passwords.ts";
import { hasKeyStore, type KeyStore, KeyStoreError } from "./keys/key-store.ts";
import { openKeys } from "./keys/open-keys.ts";
import type { ModuleOptions } from "./keys/pkcs11/session.ts";
import { type Database, migrations, type Store } from "./schema.ts";
import { tenantColumns } from "./tenant-columns.ts";

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
 * @throws {DataDirectoryInUse, DatabaseUnusable, SchemaMismatch, KeyStoreError, ConfigError}
 */
export async function openFoundation(options: FoundationOptions): Promise<Foundation> {
  const { config, clock, randomBytes, onDeath, cost = usualCost } = options;
  const passphrase =
    config.keyPassphraseFile === null ? null : readSecretFile("POSTERN_KEY_PASSPHRASE_FILE", config.keyPassphraseFile);
  makeDataDirectory(config.dataDirectory);
  const now = () => clock.now();
  const store = await openStore(config, now, onDeath);
  try {
    const directory = keyDirectoryOf(config);
    if (!hasKeyStore(directory)) await refuseStrangersCluster(store, config, directory);
    const pkcs11 = readPkcs11(config.pkcs11);
    const keyStore = await openKeys({ directory, passphrase, randomBytes, cost, pkcs11 });
    const closing = { ...store, close: () => store.close().finally(() => keyStore.close()) };
    const newId = createIds(now, randomBytes);
    const audit = createAudit(clock, newId);
    const passwords = createPasswords(cost, randomBytes);
    return { config, clock, randomBytes, newId, store: closing, audit, keyStore, passwords };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openStore(config: Config, now: () => number, onDeath: (error: Error) => void): Promise<Store> {
  const { database, dataDirectory } = config;
  if (database === null)
    return openSqliteStore<Database>({ directory: dataDirectory, migrations, tenantColumns, now, onDeath });
  // Nodes may share a directory: what one of them adds to it is the same for all. But only one may make the first keys.
  if (hasKeyStore(keyDirectoryOf(config)))
    return openPostgresStore<Database>({ ...database, migrations, tenantColumns, now });
  const lock = lockDataDirectory(dataDirectory);
  try {
    const store = await openPostgresStore<Database>({ ...database, migrations, tenantColumns, now });
    return { ...store, close: () => store.close().finally(() => lock.release()) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function keyDirectoryOf({ dataDirectory }: Config): string {
  return join(dataDirectory, "keys");
}

/** Keys are not in the database. New ones would not be those that the cluster's agents trust. */
async function refuseStrangersCluster(store: Store, { database }: Config, directory: string): Promise<void> {
  const cluster = await store.reads.selectFrom("cluster").select("id").executeTakeFirst();
  if (cluster === undefined) return;
  throw new KeyStoreError(
    database === null
      ? `The database has the cluster ${cluster.id}, and its keys are gone from ${directory}. Put that folder back from a backup.`
      : `The ${describeAddress(database.address)} has the cluster ${cluster.id}, and this node has no keys of it. ` +
          `Copy the folder "keys" from the data directory of another node, with all that is in it, to ${directory}, ` +
          "readable by this user alone, and start again.",
  );
}

/** The settings of a PKCS#11 module, with the PIN read. @throws {ConfigError} */
export function readPkcs11(pkcs11: Pkcs11Config | null): ModuleOptions | null {
  if (pkcs11 === null) return null;
  const { modulePath, tokenLabel, pinFile } = pkcs11;
  return { modulePath, tokenLabel, pin: readSecretFile("POSTERN_PKCS11_PIN_FILE", pinFile) };
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

/** @throws {ConfigError} when it is not there and cannot be made */
export function makeDataDirectory(path: string): void {
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
