import { existsSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import type { Clock } from "./clock.ts";
import type { Config } from "./config/config.ts";
import type { RandomBytes } from "./db/ids.ts";
import { describeAddress } from "./db/postgres/address.ts";
import { readWholePostgres } from "./db/postgres/whole.ts";
import { isDataDirectoryInUse } from "./db/sqlite/data-lock.ts";
import { readWholeSqlite } from "./db/sqlite/whole.ts";
import { type Finding, ok, problem, reasonOf, warning } from "./doctor-check.ts";
import { checkDatabase } from "./doctor-database.ts";
import {
  checkCertificate,
  checkDataDirectory,
  checkDisk,
  checkListening,
  checkSecondRoot,
  openKeys,
} from "./doctor-machine.ts";
import type { KeyStore } from "./keys/key-store.ts";
import { planMigration } from "./migrate.ts";
import type { Db } from "./schema.ts";

export interface DoctorOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** The user that asks; null where files have no owners. */
  readonly ownUser: number | null;
}

/** Looks at a node and its database from the outside, whether it runs or not, and changes nothing. */
export async function examine({ config, clock, randomBytes, ownUser }: DoctorOptions): Promise<Finding[]> {
  const now = clock.now();
  const { keyStore, finding } = await openKeys(config, randomBytes);
  return [
    ...checkDataDirectory(config, ownUser),
    ...checkDisk(config),
    finding,
    checkSecondRoot(config),
    checkListening(config),
    ...checkCertificate(config, now),
    ...(await examineDatabase(config, keyStore, now)),
  ];
}

async function examineDatabase(config: Config, keyStore: KeyStore | null, now: number): Promise<Finding[]> {
  const name = "database";
  const { database, dataDirectory } = config;
  const place = database === null ? join(dataDirectory, "postern.db") : `The ${describeAddress(database.address)}`;
  if (database === null && !existsSync(place)) {
    return [
      problem(
        name,
        `There is no ${place}.`,
        "Name the cluster's data directory with --data, or make a cluster with postern init.",
      ),
    ];
  }
  let findings: Finding[];
  try {
    const missing = await planMigration(config);
    if (missing.length > 0) {
      const next = "Start the cluster, or run postern migrate; make a backup before.";
      return [warning(name, `${place} lacks ${missing.length} migrations of this program.`, next)];
    }
    const source =
      database === null ? readWholeSqlite(join(dataDirectory, "postern.db")) : readWholePostgres(database.address);
    try {
      const db = source.db as unknown as Db;
      const isRunning = database === null ? isDataDirectoryInUse(dataDirectory) : null;
      const runs = isRunning === null ? "" : isRunning ? " A node works on it." : " No node works on it.";
      const serverNow = database === null ? null : await clockOf(db);
      findings = [
        ok(name, `${place} answers, and its schema is up to date.${runs}`),
        ...(await checkDatabase({ db, now, serverNow, isRunning, keyStore })),
      ];
    } finally {
      await source.close();
    }
  } catch (error) {
    findings = [
      problem(name, reasonOf(error), "Nothing else of the database was looked at. Set this right, and run it again."),
    ];
  }
  return findings;
}

async function clockOf(db: Db): Promise<number> {
  const { rows } = await sql<{
    ms: number;
  }>`select cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as ms`.execute(db);
  return Number(rows[0]?.ms);
}
