import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readWholePostgres } from "../db/postgres/whole.ts";
import { readWholeSqlite } from "../db/sqlite/whole.ts";
import type { WholeDatabase } from "../db/whole.ts";
import { migrations } from "../schema.ts";
import type { TestCluster } from "../test-cluster.fixture.ts";
import { addressOf } from "../test-database.fixture.ts";
import { checkBackup } from "./check-backup.ts";
import { type MadeBackup, makeBackup } from "./make-backup.ts";
import { type Restored, type RestoreOptions, restoreBackup } from "./restore.ts";

/** Reads the database of a cluster as `postern backup` does, beside the running node. */
export function readWholeOf({ database }: TestCluster): WholeDatabase {
  return database.url === null
    ? readWholeSqlite(join(database.directory, "postern.db"))
    : readWholePostgres(addressOf(database.url));
}

export async function backUp(cluster: TestCluster, path: string): Promise<MadeBackup> {
  const source = readWholeOf(cluster);
  try {
    return await makeBackup({
      source,
      migrations,
      keyDirectory: join(cluster.directory, "keys"),
      path,
      clock: { now: cluster.now },
      program: "0.0.0",
      progress: () => {},
    });
  } finally {
    await source.close();
  }
}

/** Restores in place of what is there. */
export async function putBack(
  cluster: TestCluster,
  path: string,
  change: Partial<RestoreOptions> = {},
): Promise<Restored> {
  const { directory, database, now } = cluster;
  return restoreBackup({
    backup: await checkBackup(path, migrations),
    path,
    dataDirectory: directory,
    address: database.url === null ? null : addressOf(database.url),
    migrations,
    clock: { now },
    randomBytes,
    passphrase: null,
    keyFile: null,
    replace: true,
    keepActivationKeys: false,
    revokeApiKeys: false,
    progress: () => {},
    ...change,
  });
}

/** The machine is lost, and with it the data directory; what remains is the operator's copy of the key file. */
export function loseDataDirectory({ directory }: TestCluster, keyFile: string): void {
  copyFileSync(join(directory, "keys/store.key"), keyFile);
  rmSync(directory, { recursive: true });
  mkdirSync(directory, { mode: 0o700 });
}
