import { rmSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "./config/config-error.ts";
import { type Foundation, readSecretFile } from "./foundation.ts";
import { systemOrigin } from "./http/origin.ts";
import { Problem } from "./http/problems.ts";
import { enterSiteAdmin, firstAdmin, generatePassword } from "./identity/first-admin.ts";
import { requireAcceptablePassword } from "./identity/password-rules.ts";
import { writePrivateFile } from "./keys/durable-file.ts";
import { enterFoundingKeys, foundKeys } from "./keys/found.ts";
import { KeyStoreError } from "./keys/key-store.ts";

/** What the operator must be told once, after a cluster was made. */
export interface Initialised {
  readonly clusterId: string;
  /** Null when the operator's own file gave the password. */
  readonly adminPassword: string | null;
  /** Holds the private half of the second root key, to be carried away. */
  readonly secondRootFile: string;
}

/**
 * Makes the cluster if the data directory has none: its id, its keys, its user `admin`. All of it is entered in one
 * transaction, so a power cut leaves no cluster or a whole one.
 *
 * @returns null when there is a cluster already
 * @throws {ConfigError} an admin password file that cannot be used
 * @throws {KeyStoreError} another node makes the cluster at the same time
 */
export async function initialise(foundation: Foundation): Promise<Initialised | null> {
  const { config, clock, randomBytes, newId, store, audit, keyStore, passwords } = foundation;
  const known = await store.reads.selectFrom("cluster").select("id").executeTakeFirst();
  if (known !== undefined) return null;

  const given = readAdminPassword(config.adminPasswordFile, firstAdmin);
  const password = given ?? generatePassword(randomBytes);
  const passwordHash = await passwords.hash(password);
  const now = clock.now();
  const founding = await foundKeys(newId(), keyStore, randomBytes, now);
  const secondRootFile = join(config.dataDirectory, "second-root-key.json");
  writePrivateFile(secondRootFile, founding.secondRoot.text);
  const entered = await store.durable(async (tx) => {
    if ((await tx.selectFrom("cluster").select("id").executeTakeFirst()) !== undefined) return false;
    await enterFoundingKeys(tx, audit, founding, now);
    await enterSiteAdmin(tx, { audit, newId, now, origin: systemOrigin }, firstAdmin, passwordHash);
    return true;
  });
  if (!entered) {
    // Another node on the same new database was faster; its keys are the cluster's, and the copy replaces those made here.
    rmSync(secondRootFile);
    throw new KeyStoreError(
      "Another node has made the cluster in this very moment, and this one has no keys of it. " +
        `Copy the folder "keys" from that node's data directory to ${config.dataDirectory}, and start again.`,
    );
  }
  return { clusterId: founding.clusterId, adminPassword: given === null ? password : null, secondRootFile };
}

/**
 * The operator's own password for a site administrator; null: his file gives none.
 *
 * @throws {ConfigError} one that cannot be used
 */
export function readAdminPassword(path: string | null, name: string): string | null {
  if (path === null) return null;
  const password = readSecretFile("POSTERN_ADMIN_PASSWORD_FILE", path);
  try {
    requireAcceptablePassword(password, [name]);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new ConfigError(`POSTERN_ADMIN_PASSWORD_FILE names ${path}: ${error.message}`, { cause: error });
  }
  return password;
}
