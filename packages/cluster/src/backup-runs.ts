import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type BackupManifest, BackupUnusable } from "./backup/backup-file.ts";
import { type CheckedBackup, checkBackup } from "./backup/check-backup.ts";
import { copyToPostgres } from "./backup/copy.ts";
import { makeBackup } from "./backup/make-backup.ts";
import { type Restored, restoreBackup } from "./backup/restore.ts";
import { TargetOccupied } from "./backup/target.ts";
import { WrittenOtherwise } from "./backup/write-tables.ts";
import type { BackupCommandsOptions } from "./backup-commands.ts";
import { CommandFailed, exitCodes, wrongUsage } from "./cli/failure.ts";
import type { Terminal } from "./cli/terminal.ts";
import { asJson, asTable, visible } from "./cli/text.ts";
import { type Clock, toRfc3339, toRfc3339OrNull } from "./clock.ts";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";
import { DatabaseError, DatabaseUnusable } from "./db/database-error.ts";
import { describeAddress } from "./db/postgres/address.ts";
import { readWholePostgres } from "./db/postgres/whole.ts";
import { readWholeSqlite } from "./db/sqlite/whole.ts";
import { makeDataDirectory, readPkcs11, readSecretFile } from "./foundation.ts";
import { hasKeyStore } from "./keys/key-store.ts";
import { type NodeFlags, readConfig, tellingWhatToDo } from "./node-runs.ts";
import { migrations } from "./schema.ts";

export type BackupFlags = NodeFlags & { readonly out: string; readonly json?: true };
export type RestoreFlags = NodeFlags & {
  readonly check?: true;
  readonly replace?: true;
  readonly keyFile?: string;
  readonly keepActivationKeys?: true;
  readonly revokeApiKeys?: true;
  readonly json?: true;
};
export type CopyFlags = NodeFlags & { readonly from?: string; readonly to?: string; readonly json?: true };

/** `postern backup` */
export async function runBackup(
  { terminal, clock, version }: BackupCommandsOptions,
  { out, json, ...flags }: BackupFlags,
): Promise<void> {
  const config = readConfig(terminal, flags);
  process.umask(0o077);
  const path = isDirectory(out) ? join(out, `postern-${compactTime(clock.now())}.backup`) : out;
  const keyDirectory = join(config.dataDirectory, "keys");
  const source =
    config.database === null
      ? readWholeSqlite(join(config.dataDirectory, "postern.db"))
      : readWholePostgres(config.database.address);
  try {
    const progress = progressOf(terminal, clock, "written");
    const made = await makeBackup({ source, migrations, keyDirectory, path, clock, program: version, progress });
    const { manifest, sha256 } = made;
    const bytes = statSync(path).size;
    terminal.print(json ? asJson({ path, sha256, bytes, ...summaryOf(manifest) }) : `${path}\n`);
    terminal.say(
      `The cluster ${manifest.clusterId} as of ${manifest.madeAt}: ${rowsIn(manifest)}, ${sizeOf(bytes)}.\n`,
    );
    terminal.say(whatOpens(manifest, keyDirectory));
  } finally {
    await source.close();
  }
}

/** `postern restore` */
export async function runRestore(
  { terminal, clock, randomBytes }: BackupCommandsOptions,
  path: string,
  { check, replace, keyFile, keepActivationKeys, revokeApiKeys, json, ...flags }: RestoreFlags,
): Promise<void> {
  const config = readConfig(terminal, flags);
  process.umask(0o077);
  const backup = await checkBackup(path, migrations, progressOf(terminal, clock, "read"));
  if (check) return tellBackup(terminal, path, backup, json === true);
  makeDataDirectory(config.dataDirectory);
  const passphrase =
    config.keyPassphraseFile === null ? null : readSecretFile("POSTERN_KEY_PASSPHRASE_FILE", config.keyPassphraseFile);
  const restored = await restoreBackup({
    backup,
    path,
    dataDirectory: config.dataDirectory,
    address: config.database?.address ?? null,
    migrations,
    clock,
    randomBytes,
    passphrase,
    pkcs11: readPkcs11(config.pkcs11),
    keyFile: keyFile ?? null,
    replace: replace === true,
    keepActivationKeys: keepActivationKeys === true,
    revokeApiKeys: revokeApiKeys === true,
    progress: progressOf(terminal, clock, "restored"),
  });
  if (json) terminal.print(asJson(restoredAsJson(backup, restored, revokeApiKeys === true)));
  else
    terminal.print(
      `The cluster ${backup.manifest.clusterId} is as it was at ${backup.manifest.madeAt} (${placeOf(config)}).\n`,
    );
  tellAfterRestore(terminal, backup, restored, revokeApiKeys === true);
}

/** `postern copy` */
export async function runCopy(
  { terminal, clock, randomBytes }: BackupCommandsOptions,
  { from, to, json, ...flags }: CopyFlags,
): Promise<void> {
  const config = readCopyConfig(terminal, flags, from, to);
  process.umask(0o077);
  if (config.database === null) {
    throw wrongUsage("There is no database to copy to.", "Name it with --to, or in DATABASE_URL.");
  }
  const { address } = config.database;
  const path = join(config.dataDirectory, "postern.db");
  if (!existsSync(path))
    throw new DatabaseUnusable(`There is no database ${path}. Name the cluster's data directory with --from.`);
  const copied = await copyToPostgres({
    from: config.dataDirectory,
    path,
    to: address,
    migrations,
    clock,
    randomBytes,
    progress: progressOf(terminal, clock, "copied"),
  });
  const { clusterId, rows, tables, auditHeads } = copied;
  if (json) terminal.print(asJson({ clusterId, to: describeAddress(address), rows, tables, auditHeads }));
  else {
    terminal.print(
      `The cluster ${clusterId} is in the ${describeAddress(address)}: ${counted(rows, "row")} in ${tables} tables.\n`,
    );
  }
  terminal.say(
    "All of it was read back and compared, and the audit log ends as it did.\n" +
      `Start it there: DATABASE_URL, and the keys in ${config.dataDirectory}. Never start it again without DATABASE_URL:\n` +
      `the old database ${path} would be a second cluster of the same name. Keep it aside until you trust the new one.\n`,
  );
}

/** @throws {ConfigError} naming the flag as it was given */
function readCopyConfig(
  terminal: Terminal,
  flags: NodeFlags,
  from: string | undefined,
  to: string | undefined,
): Config {
  const given = { ...(from !== undefined && { data: from }), ...(to !== undefined && { database: to }) };
  try {
    return readConfig(terminal, { ...flags, ...given });
  } catch (error) {
    if (to === undefined || !(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.message.replace(/^--database\b/, "--to"), { cause: error });
  }
}

/** What an operator can set right is told in sentences, without a stack. */
export async function tellingWhatHappened(run: () => Promise<void>): Promise<void> {
  try {
    await tellingWhatToDo(run);
  } catch (error) {
    if (error instanceof BackupUnusable) throw new CommandFailed(exitCodes.refused, error.message);
    if (error instanceof WrittenOtherwise) throw new CommandFailed(exitCodes.refused, error.message);
    if (error instanceof TargetOccupied) throw new CommandFailed(exitCodes.refused, error.message, whatIsLost(error));
    if (error instanceof DatabaseError) {
      throw new CommandFailed(exitCodes.refused, `The database refused: ${error.message}. Nothing was changed.`);
    }
    throw error;
  }
}

const names: Readonly<Record<string, string>> = {
  tenant: "tenants",
  user_account: "users",
  agent: "agents",
  agent_token: "agent tokens",
  journal_entry: "journal entries",
  audit_entry: "audit entries",
};

/** What a restore would take away, beside what it would bring. */
function whatIsLost({ occupant, manifest }: TargetOccupied): string[] {
  if (manifest === null) return ["Nothing was changed. Name an empty database: postern copy replaces no cluster."];
  const inBackup = new Map(manifest.tables.map(({ name, rows }) => [name, rows]));
  const again = "To put the backup in its place, run the same command with --replace.";
  if (occupant.clusterId === null) {
    return [`It says: ${visible(occupant.damaged)}`, `Nothing was changed. ${again} The old file is kept aside.`];
  }
  const table = asTable(occupant.counts, [
    { heading: "", value: ({ name }) => names[name] },
    { heading: "THERE NOW", value: ({ rows }) => String(rows) },
    { heading: "IN THE BACKUP", value: ({ name }) => String(inBackup.get(name) ?? 0) },
  ]);
  const last = toRfc3339OrNull(occupant.lastEntryAt);
  return [
    ...(occupant.clusterId === manifest.clusterId
      ? []
      : [`The backup is of another cluster, ${manifest.clusterId}: this one would be gone altogether.`]),
    ...table.trimEnd().split("\n"),
    `The backup is of ${manifest.madeAt}${last === null ? "" : `; the audit log there goes on to ${last}`}. All that came after the backup would be lost.`,
    `Nothing was changed. Keep what is there with postern backup. ${again}`,
  ];
}

function tellBackup(
  terminal: Terminal,
  path: string,
  { manifest, sha256, auditFault }: CheckedBackup,
  json: boolean,
): void {
  if (json) terminal.print(asJson({ path, sha256, auditFault, ...summaryOf(manifest) }));
  else {
    terminal.print(
      `The backup is whole: the cluster ${manifest.clusterId} as of ${manifest.madeAt}, ${rowsIn(manifest)}, ` +
        `${counted(keysIn(manifest), "key")}, made by Postern ${manifest.program} on ${engineOf(manifest)}.\n`,
    );
  }
  if (auditFault === null) return;
  throw new CommandFailed(exitCodes.refused, "The audit log in it does not hold.", [
    `  ${auditFault}`,
    "The backup is what was written, so the cluster's log had this fault then (postern audit verify), or the file was made anew.",
  ]);
}

function tellAfterRestore(
  terminal: Terminal,
  { manifest, auditFault }: CheckedBackup,
  { replacedIn, trustBundleVersion, revokedActivationKeys, apiKeys }: Restored,
  apiKeysRevoked: boolean,
): void {
  const lines: string[] = [];
  if (auditFault !== null) lines.push(`The audit log in the backup does not hold: ${auditFault}`);
  if (replacedIn !== null)
    lines.push(`The database that was there is in ${replacedIn}; remove it once nobody needs it.`);
  if (trustBundleVersion === null) {
    lines.push(
      "The root key is not in this data directory, so no new trust bundle was issued: agents that hold a newer one than the",
      "backup's will not take this cluster's word. Put the key there and restore again.",
    );
  }
  lines.push(
    "Every session has ended. What happened since the backup is known to agents only; they bring back what they can.",
  );
  if (revokedActivationKeys.length > 0) {
    lines.push(
      `Revoked, since they may have been spent or revoked meanwhile: ${counted(revokedActivationKeys.length, "activation key")}:`,
    );
    for (const { id, tenant, description } of revokedActivationKeys)
      lines.push(`  ${id}  ${tenant}  ${description}`.trimEnd());
  }
  if (apiKeys.length > 0) {
    lines.push(
      apiKeysRevoked
        ? `Revoked: all ${counted(apiKeys.length, "API key")}.`
        : "These API keys work, also those that were revoked since the backup (--revoke-api-keys revokes them all):",
    );
    if (!apiKeysRevoked) for (const { id, user, name } of apiKeys) lines.push(`  ${id}  ${user}  ${name}`);
  }
  lines.push(
    `Look through what people changed after ${manifest.madeAt}, and do it again: users, roles and passwords, compromised keys,`,
    "profiles. Then start it: postern serve",
  );
  terminal.say(lines.map((line) => `${visible(line)}\n`).join(""));
}

function restoredAsJson({ manifest, sha256, auditFault }: CheckedBackup, restored: Restored, apiKeysRevoked: boolean) {
  return {
    ...summaryOf(manifest),
    sha256,
    auditFault,
    restoredAt: toRfc3339(restored.restoredAt),
    trustBundleVersion: restored.trustBundleVersion,
    replacedIn: restored.replacedIn,
    revokedActivationKeys: restored.revokedActivationKeys.map(({ id, tenantId, description }) => ({
      id,
      tenantId,
      description,
    })),
    apiKeys: restored.apiKeys.map(({ id, user, name, createdAt, usedAt }) => ({
      id,
      user,
      name,
      createdAt: toRfc3339(createdAt),
      usedAt: toRfc3339OrNull(usedAt),
      revoked: apiKeysRevoked,
    })),
  };
}

function summaryOf(manifest: BackupManifest) {
  const { clusterId, madeAt, program, engine, migrations: applied, tables, auditHeads } = manifest;
  return {
    clusterId,
    madeAt,
    program,
    engine,
    schema: applied.map(({ name }) => name),
    rows: Object.fromEntries(tables.map(({ name, rows }) => [name, rows])),
    keys: keysIn(manifest),
    auditHeads,
  };
}

/** What an operator needs besides the backup itself. */
function whatOpens(manifest: BackupManifest, keyDirectory: string): string {
  if (keysIn(manifest) === 0) {
    return `There are no keys in ${keyDirectory}, so there are none in the backup: back them up where they are.\n`;
  }
  return hasKeyStore(keyDirectory) && existsSync(join(keyDirectory, "store.key"))
    ? `Its keys are sealed. What opens them is not in it: keep a copy of ${join(keyDirectory, "store.key")} in another place.\n`
    : "Its keys are sealed. What opens them is not in it: keep the passphrase of the key store in another place.\n";
}

function keysIn({ keyFiles }: BackupManifest): number {
  return keyFiles.filter(({ name }) => name !== "store.json").length;
}

function rowsIn({ tables }: BackupManifest): string {
  return counted(
    tables.reduce((sum, { rows }) => sum + rows, 0),
    "row",
  );
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`;
}

function engineOf({ engine }: BackupManifest): string {
  return engine === "sqlite" ? "SQLite" : "PostgreSQL";
}

function sizeOf(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function placeOf({ database, dataDirectory }: Config): string {
  return database === null
    ? `data in ${dataDirectory}`
    : `${describeAddress(database.address)}, keys in ${dataDirectory}`;
}

/** A line every other second, so that nobody takes long work for a hang. */
function progressOf({ say }: Terminal, clock: Clock, done: string): (rows: number, of: number) => void {
  let next = clock.now() + progressEveryMs;
  return (rows, of) => {
    if (clock.now() < next) return;
    next = clock.now() + progressEveryMs;
    say(`  ${rows.toLocaleString("en-US")} of ${counted(of, "row")} ${done}\n`);
  };
}

const progressEveryMs = 2_000;

function compactTime(at: number): string {
  return toRfc3339(at).replaceAll(/[-:]|\.\d+/g, "");
}

function isDirectory(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
