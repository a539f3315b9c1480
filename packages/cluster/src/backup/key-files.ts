import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writePrivateFile } from "../keys/durable-file.ts";
import { hasKeyStore, KeyStoreError } from "../keys/key-store.ts";
import type { BackupManifest } from "./backup-file.ts";
import { isKeyFile } from "./make-backup.ts";

/**
 * Puts the key files of a backup into a key store's folder. A store that is there already stays as it is and gets what it
 * lacks; whether that was sealed by the same store shows when it is opened.
 *
 * @param keyFile the operator's copy of `store.key`, which is in no backup; null: it is not needed, or already there
 * @returns takes back what was put there
 * @throws {KeyStoreError} when nothing could open the keys
 */
export function placeKeyFiles(
  { keyFiles }: Pick<BackupManifest, "keyFiles">,
  directory: string,
  keyFile: string | null,
): () => void {
  const added: string[] = [];
  const add = (name: string, content: string) => {
    const path = join(directory, name);
    if (existsSync(path)) return;
    writePrivateFile(path, content);
    added.push(path);
  };
  const takeBack = () => {
    for (const path of added) rmSync(path, { force: true });
  };
  const store = keyFiles.find(({ name }) => name === "store.json");
  if (!hasKeyStore(directory) && store === undefined) {
    throw new KeyStoreError(
      `The backup has no keys, and ${directory} has none either. Put the folder "keys" of the cluster there first.`,
    );
  }
  const needsKeyFile = !hasKeyStore(directory) && isSealedByKeyFile(store?.content ?? "");
  if (needsKeyFile && keyFile === null && !existsSync(join(directory, "store.key"))) {
    throw new KeyStoreError(
      "The keys in the backup are sealed by the key file store.key, which is in no backup. " +
        "Give your copy of it with --key-file FILE.",
    );
  }
  const secret = keyFile === null ? null : readKeyFile(keyFile);
  if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
  try {
    if (secret !== null) add("store.key", secret);
    for (const { name, content } of keyFiles) if (isKeyFile(name)) add(name, content);
  } catch (error) {
    takeBack();
    throw error;
  }
  return takeBack;
}

function isSealedByKeyFile(storeFile: string): boolean {
  return (JSON.parse(storeFile) as { protection?: { kind?: unknown } }).protection?.kind === "key-file";
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new KeyStoreError(`--key-file names ${path}, which cannot be read. Check the path and who may read it.`, {
      cause: error,
    });
  }
}
