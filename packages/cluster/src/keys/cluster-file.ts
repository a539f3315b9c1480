import { timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writePrivateFile } from "./durable-file.ts";
import { type KeyStore, KeyStoreError } from "./key-store.ts";

/** A token key as it can be used with the keys alone. */
export interface OfflineTokenKey {
  readonly kid: string;
  /** Agents hold it that have acknowledged one of these versions of the trust bundle, oldest first. */
  readonly bundles: readonly number[];
}

/** What has to be known of the cluster when there are only its keys. */
export interface ClusterFile {
  readonly version: 1;
  readonly clusterId: string;
  readonly trustBundleVersion: number;
  /** Those that may sign, oldest first; compromised and destroyed ones are not among them. */
  readonly tokenKeys: readonly OfflineTokenKey[];
}

const purpose = "cluster-file";

/**
 * Writes it beside the keys, sealed, when it has changed. A folder that cannot be written is no reason to fail: nothing
 * but generating offline from this very folder needs it.
 */
export function writeClusterFile(keyStore: KeyStore, file: ClusterFile): void {
  const path = pathIn(keyStore);
  const text = JSON.stringify(file);
  const content = `${JSON.stringify({ ...file, mac: keyStore.macOf(purpose, text) })}\n`;
  try {
    if (existsSync(path) && readFileSync(path, "utf8") === content) return;
    writePrivateFile(path, content);
  } catch (error) {
    if (!isNotWritable(error)) throw error;
  }
}

/** @throws {KeyStoreError} it is not there, or was not written by who had these keys */
export function readClusterFile(keyStore: KeyStore): ClusterFile {
  const path = pathIn(keyStore);
  if (!existsSync(path)) {
    throw new KeyStoreError(
      `There is no ${path}, which says whose keys these are. A node writes it when it starts: start one on this folder once.`,
    );
  }
  try {
    const { mac, ...file } = JSON.parse(readFileSync(path, "utf8")) as ClusterFile & { mac: string };
    const expected = keyStore.macOf(purpose, JSON.stringify(file));
    if (mac.length === expected.length && timingSafeEqual(Buffer.from(mac), Buffer.from(expected))) return file;
  } catch {
    // told below
  }
  throw new KeyStoreError(`The file ${path} was altered or belongs to other keys. Put it back from a backup.`);
}

function pathIn({ directory }: KeyStore): string {
  return join(directory, "cluster.json");
}

function isNotWritable(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EACCES" || code === "EPERM" || code === "EROFS";
}
