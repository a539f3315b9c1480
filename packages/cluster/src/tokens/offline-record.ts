import { timingSafeEqual } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { AgentTokenClaims } from "@postern/token";
import { flushDirectory, writePrivateFile } from "../keys/durable-file.ts";
import { type KeyStore, KeyStoreError } from "../keys/key-store.ts";

/** What is kept of a token that was generated with the keys alone, until a node enters it; never the token. */
export interface OfflineRecord {
  readonly version: 1;
  readonly claims: AgentTokenClaims;
  readonly kid: string;
  /** SHA-256 of the token, base64url. */
  readonly sha256: string;
  readonly reason: string;
  readonly ticket: string | null;
  /** Whom the operating system said it was, and where. */
  readonly by: { readonly user: string; readonly host: string };
}

const purpose = "offline-token";
const fileName = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json$/;

/**
 * Writes a record beside the keys, sealed under the key store's own key: who cannot open the keys can make none that a
 * node would enter. On disk when it returns.
 *
 * @throws {KeyStoreError} it cannot be written
 */
export function writeOfflineRecord(keyStore: KeyStore, record: OfflineRecord): void {
  const folder = folderIn(keyStore);
  const mac = keyStore.macOf(purpose, JSON.stringify(record));
  try {
    if (!existsSync(folder)) {
      mkdirSync(folder, { mode: 0o700 });
      flushDirectory(keyStore.directory);
    }
    writePrivateFile(join(folder, `${record.claims.jti}.json`), `${JSON.stringify({ ...record, mac })}\n`);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new KeyStoreError(
      `The record of the token cannot be written to ${folder} (${code}), so there is no token. ` +
        "Make room or copy the folder of the keys to a place that can be written, and name that with --keys.",
      { cause: error },
    );
  }
}

/** A record's file; `record` is undefined when it was altered or sealed by another key store. */
export interface FoundRecord {
  readonly path: string;
  readonly record: OfflineRecord | undefined;
}

/** The records beside the keys, in the order in which the tokens were generated. */
export function readOfflineRecords(keyStore: KeyStore): readonly FoundRecord[] {
  const folder = folderIn(keyStore);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => fileName.test(name));
  return names.sort().flatMap((name) => {
    const path = join(folder, name);
    const text = readIfThere(path);
    return text === undefined ? [] : [{ path, record: openRecord(keyStore, name, text) }];
  });
}

/** The record is in the database: the file has served. */
export function removeOfflineRecord({ path }: FoundRecord): void {
  rmSync(path, { force: true }); // another node on the same folder may have been faster
}

/** Keeps a record that is not one of ours for people to look at, under a name that is read no more. */
export function setRecordAside({ path }: FoundRecord): void {
  if (existsSync(path)) renameSync(path, `${path}.refused`);
}

function openRecord(keyStore: KeyStore, name: string, text: string): OfflineRecord | undefined {
  try {
    const { mac, ...record } = JSON.parse(text) as OfflineRecord & { mac: string };
    const expected = Buffer.from(keyStore.macOf(purpose, JSON.stringify(record)));
    const given = Buffer.from(mac);
    const isOurs = given.length === expected.length && timingSafeEqual(given, expected);
    return isOurs && record.version === 1 && `${record.claims.jti}.json` === name ? record : undefined;
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function folderIn({ directory }: KeyStore): string {
  return join(directory, "offline-tokens");
}
