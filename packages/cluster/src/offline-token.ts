import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { audienceOf, parseAudience, parseChallenge, type TokenTarget, type UnixSeconds } from "@postern/token";
import { wrongUsage } from "./cli/failure.ts";
import type { Terminal } from "./cli/terminal.ts";
import { visible } from "./cli/text.ts";
import { fromNow, localTime, utcTime } from "./cli/times.ts";
import { makeTokenFile } from "./cli/token-file.ts";
import { pkcs11Of } from "./config/pkcs11.ts";
import { readSettings, settingNames } from "./config/settings.ts";
import { createIds } from "./db/ids.ts";
import { DataDirectoryInUse, lockDataDirectory } from "./db/sqlite/data-lock.ts";
import { readPkcs11, readSecretFile } from "./foundation.ts";
import { type ClusterFile, type OfflineTokenKey, readClusterFile } from "./keys/cluster-file.ts";
import { hasKeyStore, type KeyStore, KeyStoreError } from "./keys/key-store.ts";
import { openKeys } from "./keys/open-keys.ts";
import { tokenFileName } from "./tokens/file-name.ts";
import { generateOffline, widestTokenKey } from "./tokens/generate-offline.ts";
import { tokenLimits } from "./tokens/limits.ts";

/** What the command line gave. */
export interface OfflineOptions {
  readonly agent?: string;
  readonly tenant?: string;
  readonly cluster?: true;
  readonly reason: string;
  readonly challenge?: string;
  readonly ticket?: string;
  readonly out?: string | true;
  readonly keys?: string;
  readonly key?: string;
  readonly keyPassphraseFile?: string;
}

/**
 * `postern token generate --offline`: an agent token from the keys alone, for the day when no node runs. Whoever can
 * open the keys may; what he did stands in a record beside them, which is on disk before the token is shown.
 *
 * @throws {CommandFailed} 2
 */
export async function generateOfflineToken(terminal: Terminal, options: OfflineOptions): Promise<void> {
  const target = targetOf(options);
  const { challenge, reason, ticket } = checked(options);
  if (options.keys === undefined) {
    throw wrongUsage("Say where the keys are with --keys.", "They are the folder keys of the data directory.");
  }
  const directory = resolve(options.keys);
  const lock = lockedWhenInDataDirectory(directory);
  let keyStore: KeyStore | undefined;
  try {
    keyStore = await open(terminal, directory, options.keyPassphraseFile);
    const cluster = readClusterFile(keyStore);
    const key = keyOf(cluster, options.key);
    const nowMs = terminal.now();
    const jti = createIds(() => nowMs, randomBytes)();
    const file = typeof options.out === "string" ? await makeTokenFile(options.out) : undefined;
    try {
      const by = { user: userInfo().username, host: hostname() };
      const { token, claims } = await generateOffline(
        { cluster, keyStore, jti, nowMs },
        { target, reason, ticket, challenge, by, key },
      );
      const made = file ?? (options.out === true ? await makeTokenFile(nameFor(target, claims.exp)) : undefined);
      await made?.fill(token);
      if (made === undefined) terminal.print(`${token}\n`);
      tell(terminal, target, claims.exp, key, cluster, made?.path);
    } catch (error) {
      await file?.discard();
      throw error;
    }
  } finally {
    await keyStore?.close();
    lock?.release();
  }
}

function targetOf({ agent, tenant, cluster }: OfflineOptions): TokenTarget {
  const given = [agent, tenant, cluster].filter((one) => one !== undefined).length;
  if (given !== 1) throw wrongUsage("Say whom the token is for with one of --agent, --tenant and --cluster.");
  const target = parseAudience(
    agent !== undefined ? `agent:${agent}` : tenant !== undefined ? `tenant:${tenant}` : "cluster",
  );
  if (target !== undefined) return target;
  throw wrongUsage(
    `"${visible(agent ?? tenant ?? "")}" is not an id, and with the keys alone names cannot be looked up.`,
    'The workload knows its ids: "C:\\Program Files\\Postern\\PosternAgent.exe" -status shows agent and tenant.',
  );
}

function checked({ challenge, reason, ticket, agent }: OfflineOptions) {
  if (challenge !== undefined && agent === undefined) {
    throw wrongUsage("A challenge is of one agent.", "Give --challenge together with --agent.");
  }
  const { minReasonChars, maxReasonChars, maxTicketChars } = tokenLimits;
  if ((reason.match(/\S/g) ?? []).length < minReasonChars || reason.length > maxReasonChars) {
    throw wrongUsage(`The reason has ${minReasonChars} visible characters or more, and ${maxReasonChars} at most.`);
  }
  if (ticket !== undefined && (ticket === "" || ticket.length > maxTicketChars || /\p{C}/u.test(ticket))) {
    throw wrongUsage(`The ticket has 1 to ${maxTicketChars} characters, and no control characters.`);
  }
  return {
    challenge: challenge === undefined ? undefined : parseChallenge(challenge),
    reason,
    ticket: ticket ?? null,
  };
}

/**
 * A node at work on this data directory means that the cluster is not down: it would generate the token, knowing who
 * asks and whom it reaches, and enters records only at its start. Keys that lie elsewhere have nothing to lock.
 */
function lockedWhenInDataDirectory(keyDirectory: string): { release(): void } | undefined {
  const dataDirectory = dirname(keyDirectory);
  if (!existsSync(join(dataDirectory, "lock.db"))) return undefined;
  try {
    return lockDataDirectory(dataDirectory);
  } catch (error) {
    if (!(error instanceof DataDirectoryInUse)) throw error;
    throw wrongUsage(
      `The data directory ${dataDirectory} is in use by a Postern process, so the cluster is not down.`,
      "Generate the token there, without --offline; or stop that process first.",
    );
  }
}

async function open(terminal: Terminal, directory: string, passphraseFile: string | undefined): Promise<KeyStore> {
  if (!hasKeyStore(directory)) {
    throw new KeyStoreError(
      `There are no keys in ${directory}. Name the folder keys of a data directory, or a copy of it.`,
    );
  }
  const setting = settingNames.keyPassphraseFile.env;
  const path = passphraseFile ?? terminal.env[setting];
  const passphrase = path ? readSecretFile(setting, path) : null;
  const settings = readSettings({ flags: {}, env: terminal.env, file: null });
  return openKeys({ directory, passphrase, randomBytes, pkcs11: readPkcs11(pkcs11Of(settings)) });
}

function keyOf(cluster: ClusterFile, typed: string | undefined): OfflineTokenKey {
  if (typed === undefined) {
    const widest = widestTokenKey(cluster);
    if (widest !== undefined) return widest;
    throw new KeyStoreError("None of the keys here may sign a token.");
  }
  const matches = typed === "" ? [] : cluster.tokenKeys.filter(({ kid }) => kid.startsWith(typed));
  const [match] = matches;
  if (match !== undefined && matches.length === 1) return match;
  throw wrongUsage(
    `${match === undefined ? "No token key's id begins" : "Several token keys' ids begin"} with "${visible(typed)}".`,
    "Those that may sign are:",
    ...cluster.tokenKeys.map((key) => `  ${key.kid}, of trust ${bundlesOf(key)}`),
  );
}

function tell(
  terminal: Terminal,
  target: TokenTarget,
  exp: number,
  key: OfflineTokenKey,
  cluster: ClusterFile,
  path: string | undefined,
): void {
  const expiresAt = new Date(exp * 1000).toISOString();
  const older = cluster.tokenKeys.length > 1 ? " For one with an older bundle, name another key with --key." : "";
  const lines = [
    `Agent token for ${target.kind === "cluster" ? "the whole cluster" : audienceOf(target).replace(":", " ")}.`,
    `Good until ${localTime(expiresAt)} (${utcTime(expiresAt)}, ${fromNow(expiresAt, terminal.now())}).`,
    `Signed with the token key ${key.kid}: agents that have trust ${bundlesOf(key)} accept it.${older}`,
    "Its record lies beside the keys; the next start of a node on them enters it in the audit log.",
    ...(path === undefined ? [] : [`The token is in ${path}.`]),
  ];
  terminal.say(`${lines.join("\n")}\n`);
}

function bundlesOf({ bundles }: OfflineTokenKey): string {
  const [first, last] = [bundles.at(0), bundles.at(-1)];
  return first === last ? `bundle ${first}` : `bundles ${first} to ${last}`;
}

/** Names are in the database; ids do. */
function nameFor(target: TokenTarget, exp: UnixSeconds): string {
  if (target.kind === "agent") return tokenFileName({ kind: "agent", hostName: target.agentId }, exp);
  if (target.kind === "tenant") return tokenFileName({ kind: "tenant", tenantName: target.tenantId }, exp);
  return tokenFileName(target, exp);
}
