import { readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { CommandFailed, exitCodes } from "./cli/failure.ts";
import type { Terminal } from "./cli/terminal.ts";
import type { Clock } from "./clock.ts";
import { type Config, loadConfig } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";
import type { SettingName, SettingsSources } from "./config/settings.ts";
import { DatabaseUnusable } from "./db/database-error.ts";
import type { RandomBytes } from "./db/ids.ts";
import { SchemaMismatch } from "./db/migration.ts";
import { describeAddress } from "./db/postgres/address.ts";
import { DataDirectoryInUse } from "./db/sqlite/data-lock.ts";
import { openFoundation } from "./foundation.ts";
import { operatorOrigin } from "./http/origin.ts";
import { Problem } from "./http/problems.ts";
import { generatePassword } from "./identity/first-admin.ts";
import { type AdminReset, resetAdmin } from "./identity/reset-admin.ts";
import { type Initialised, initialise, readAdminPassword } from "./init.ts";
import { KeyStoreError } from "./keys/key-store.ts";
import { migrate, planMigration } from "./migrate.ts";
import { startCluster } from "./serve.ts";

export interface NodeCommandsOptions {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly version: string;
  /** Where the built console lies; undefined: there is none. */
  readonly consoleDirectory?: string;
}

/** What the command line gave, by setting. */
export type NodeFlags = Partial<Record<SettingName | "config", string>>;

/** `postern init` */
export async function runInit({ terminal, clock, randomBytes }: NodeCommandsOptions, flags: NodeFlags): Promise<void> {
  const config = readConfig(terminal, flags);
  process.umask(0o077);
  const onDeath = (error: Error) => endAtOnce(terminal, error);
  const foundation = await openFoundation({ config, clock, randomBytes, onDeath });
  try {
    const made = await initialise(foundation);
    if (made === null) {
      terminal.say(`There is a cluster already (${placesOf(config)}); nothing was changed.\n`);
      return;
    }
    terminal.print(`The cluster ${made.clusterId} was made (${placesOf(config)}).\n${firstSteps(made)}`);
    terminal.print("Start it with: postern serve\n");
  } finally {
    await foundation.store.close();
  }
}

/** `postern reset-admin` */
export async function runResetAdmin(
  { terminal, clock, randomBytes }: NodeCommandsOptions,
  typed: string,
  flags: NodeFlags,
): Promise<void> {
  const config = readConfig(terminal, flags);
  const name = typed.trim();
  if (!/^\P{C}{1,200}$/u.test(name)) throw new CommandFailed(exitCodes.wrongUsage, "A name has 1 to 200 characters.");
  const given = readAdminPassword(config.adminPasswordFile, name);
  process.umask(0o077);
  const onDeath = (error: Error) => endAtOnce(terminal, error);
  const foundation = await openFoundation({ config, clock, randomBytes, onDeath });
  const { store, audit, newId, passwords } = foundation;
  try {
    if ((await store.reads.selectFrom("cluster").select("id").executeTakeFirst()) === undefined) {
      throw new ConfigError(`There is no cluster (${placesOf(config)}). Name its data directory with --data.`);
    }
    const password = given ?? generatePassword(randomBytes);
    const passwordHash = await passwords.hash(password);
    const origin = operatorOrigin(userInfo().username, hostname());
    const reset = await store.durable((tx) =>
      resetAdmin(tx, name, passwordHash, { audit, newId, now: clock.now(), origin }),
    );
    terminal.print(whatWasReset(reset, given === null ? password : null));
  } catch (error) {
    if (error instanceof Problem) throw new CommandFailed(exitCodes.refused, error.message);
    throw error;
  } finally {
    await store.close();
  }
}

/** `postern serve`: resolves when it was told to stop and has. */
export async function runServe(
  { terminal, clock, randomBytes, version, consoleDirectory }: NodeCommandsOptions,
  flags: NodeFlags,
): Promise<void> {
  const config = readConfig(terminal, flags);
  process.umask(0o077);
  const stop = stopSignal();
  const cluster = await startCluster({
    config,
    clock,
    randomBytes,
    version,
    consoleDirectory,
    log: { level: config.logLevel, stream: process.stderr },
    onDeath: (error) => endAtOnce(terminal, error),
  });
  terminal.print(`Postern ${version} serves ${cluster.url} (${placesOf(config)}, ${config.deployment}).\n`);
  if (cluster.initialised !== null) {
    terminal.print(firstSteps(cluster.initialised));
    terminal.print(`Next: npx postern login --url ${cluster.url} admin, then npx postern --help.\n`);
  }
  await stop;
  const giveUp = setTimeout(() => process.exit(1), stopWithinMs);
  giveUp.unref();
  await cluster.close();
}

/** `postern migrate` */
export async function runMigrate(
  { terminal, clock }: NodeCommandsOptions,
  { dryRun, ...flags }: NodeFlags & { dryRun?: true },
): Promise<void> {
  const config = readConfig(terminal, flags);
  process.umask(0o077);
  const names = dryRun ? await planMigration(config) : await migrate(config, () => clock.now());
  if (names.length === 0) {
    terminal.print("The schema is up to date; there is nothing to do.\n");
    return;
  }
  const list = names.map((name) => `  ${name}\n`).join("");
  terminal.print(
    dryRun ? `Would be run, in this order:\n${list}Nothing was changed.\n` : `Run, in this order:\n${list}`,
  );
}

/** Where a node keeps what it keeps; without secrets. */
function placesOf({ database, dataDirectory }: Config): string {
  if (database === null) return `data in ${dataDirectory}`;
  return `${describeAddress(database.address)}, keys in ${dataDirectory}`;
}

/** Held requests end at once; what still runs after this time hangs. */
const stopWithinMs = 10_000;

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1));
        resolve();
      });
    }
  });
}

function firstSteps({ adminPassword, secondRootFile }: Initialised): string {
  const password =
    adminPassword === null
      ? "The user is admin, with the password of your file.\n"
      : `The user is admin, the password ${adminPassword} (shown this once).\n`;
  return `${password}Carry ${secondRootFile} to a safe place offline and delete it here: it is the cluster's second root key.\n`;
}

function whatWasReset(
  { name, created, enabled, granted, sessionsEnded, apiKeys }: AdminReset,
  password: string | null,
) {
  const lines = [
    password === null
      ? `${name} has the password of your file.`
      : `${name} has the password ${password} (shown this once). Change it after the log-in: postern passwd`,
    created && `There was no such user: ${name} is new, and a site administrator.`,
    enabled && `${name} was disabled, and is enabled again.`,
    granted && `${name} was no site administrator, and is one now.`,
    sessionsEnded > 0 && `Sessions that were ended: ${sessionsEnded}.`,
    apiKeys > 0 && `API keys that go on working: ${apiKeys}. If somebody else had the account, end them.`,
    "It stands in the audit log.",
  ];
  return lines.flatMap((line) => (line === false ? [] : [`${line}\n`])).join("");
}

export function readConfig(terminal: Terminal, flags: NodeFlags): Config {
  const { config: path, ...settings } = flags;
  return loadConfig({ flags: settings, env: terminal.env, file: path === undefined ? null : readFile(path) });
}

function readFile(path: string): SettingsSources["file"] {
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch (error) {
    throw new ConfigError(`--config names ${path}, which cannot be read. Check the path and who may read it.`, {
      cause: error,
    });
  }
}

/** What an operator can set right is told in a sentence, without a stack. */
export async function tellingWhatToDo(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const expected = [ConfigError, DataDirectoryInUse, DatabaseUnusable, SchemaMismatch, KeyStoreError].some(
      (kind) => error instanceof kind,
    );
    if (expected && error instanceof Error) throw new CommandFailed(exitCodes.wrongUsage, error.message);
    throw error;
  }
}

/** A node that cannot write must not go on answering. */
function endAtOnce(terminal: Terminal, error: Error): void {
  terminal.say(`postern: the database cannot be written any more: ${error.message}\n`);
  process.exit(1);
}
