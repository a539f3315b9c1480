import { createCipheriv, createDecipheriv, createHmac, createPrivateKey, type KeyObject } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Signer } from "@postern/token";
import { type Argon2Cost, argon2id, usualCost } from "../argon2id.ts";
import type { RandomBytes } from "../db/ids.ts";
import { removePrivateFile, writePrivateFile } from "./durable-file.ts";
import { pooledSignerOf } from "./pooled-signer.ts";
import type { KeyUse } from "./tables.ts";

/** The key store cannot be opened or lacks a key. The message says what to do. */
export class KeyStoreError extends Error {
  override readonly name = "KeyStoreError";
}

/** Where private keys are kept. {@link openKeyStore} keeps them in files; with a PKCS#11 module some are in there. */
export interface KeyStore {
  /** The folder where the keys lie, and what is kept beside them. */
  readonly directory: string;
  /**
   * A seal over a text that is kept beside the keys: HMAC-SHA256, base64url, under a key that only who opens the store
   * has. `purpose` keeps a text of one kind from passing for another.
   */
  macOf(purpose: string, text: string): string;
  /** Makes an Ed25519 key and keeps it. */
  create(use: KeyUse): Promise<Signer>;
  /** @throws {KeyStoreError} when the key is not there or was altered */
  load(kid: string, use: KeyUse): Promise<Signer>;
  has(kid: string): Promise<boolean>;
  /**
   * The file of a key, for another store with the same secret; worth nothing without that. Null: the key is where other
   * nodes reach it by themselves.
   *
   * @throws {KeyStoreError} when the key is not there
   */
  sealedCopy(kid: string): Promise<string | null>;
  /**
   * Keeps a key that came as a copy from another node; does nothing when it is here already.
   *
   * @throws {KeyStoreError} when it is not that key, or was sealed by another store
   */
  adopt(kid: string, use: KeyUse, copy: string): Promise<void>;
  /** Removes a private half for good; does nothing when it is not here. */
  destroy(kid: string): Promise<void>;
  /** Lets go of what is open. */
  close(): Promise<void>;
}

export interface OpenKeyStoreOptions {
  /** A folder in the data directory; made when it is not there. */
  readonly directory: string;
  /** The passphrase, or null for a key file beside the keys. */
  readonly passphrase: string | null;
  readonly randomBytes: RandomBytes;
  /** For a new store; an existing one says itself what it costs. */
  readonly cost?: Argon2Cost;
}

/** How the store's own key comes about. */
interface StoreFile {
  readonly version: 1;
  readonly protection:
    | { readonly kind: "key-file" }
    | { readonly kind: "passphrase"; readonly salt: string; readonly cost: Argon2Cost; readonly check: string };
}

interface SealedKey {
  readonly version: 1;
  readonly kid: string;
  readonly use: KeyUse;
  readonly nonce: string;
  readonly sealed: string;
}

/**
 * Opens the key store, or makes it: private keys in files of the data directory, each encrypted with AES-256-GCM under
 * the store's own key.
 *
 * @throws {KeyStoreError} wrong or missing passphrase, lost key file
 */
export async function openKeyStore(options: OpenKeyStoreOptions): Promise<KeyStore> {
  const { directory, randomBytes } = options;
  if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
  const secret = hasKeyStore(directory) ? await openStore(options) : await createStore(options);
  const pathOf = (kid: string) => join(directory, `${kid}.json`);
  const has = (kid: string) => isKeyId(kid) && existsSync(pathOf(kid));

  function requirePath(kid: string, what: string): string {
    if (has(kid)) return pathOf(kid);
    throw new KeyStoreError(
      `The ${what} ${kid} is not in ${directory}. Put the file back from a backup, or copy it from another node; ` +
        "or it was made in a PKCS#11 module, which POSTERN_PKCS11_MODULE has to name.",
    );
  }

  return {
    directory,
    macOf: (purpose, text) => macUnder(secret, purpose, text),
    has: async (kid) => has(kid),
    async create(use) {
      const privateKey = newPrivateKey(randomBytes);
      const signer = pooledSignerOf(privateKey);
      const plain = privateKey.export({ format: "der", type: "pkcs8" });
      const sealedKey = seal(secret, signer.kid, use, plain, randomBytes(12));
      writePrivateFile(pathOf(signer.kid), `${JSON.stringify(sealedKey)}\n`);
      return signer;
    },
    async load(kid, use) {
      const path = requirePath(kid, `${use} key`);
      return signerFrom(unseal(secret, kid, use, readFileSync(path, "utf8"), `key file ${path}`), kid);
    },
    sealedCopy: async (kid) => readFileSync(requirePath(kid, "key"), "utf8"),
    async adopt(kid, use, copy) {
      if (has(kid)) return;
      if (!isKeyId(kid)) throw new KeyStoreError("The database names a key by what is no key id.");
      signerFrom(unseal(secret, kid, use, copy, `copy of the ${use} key ${kid}`), kid);
      writePrivateFile(pathOf(kid), copy);
    },
    async destroy(kid) {
      if (has(kid)) removePrivateFile(pathOf(kid));
    },
    close: async () => {},
  };
}

/** An RFC 7638 thumbprint, and so a name without anything that a path would obey. */
function isKeyId(kid: string): boolean {
  return /^[\w-]{43}$/.test(kid);
}

/** @throws {KeyStoreError} when it is another key than its id says */
function signerFrom(der: Buffer, kid: string): Signer {
  const signer = pooledSignerOf(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
  if (signer.kid !== kid) throw new KeyStoreError(`The file of ${kid} holds another key. Put it back from a backup.`);
  return signer;
}

/** Whether {@link openKeyStore} would find a store there instead of making one. */
export function hasKeyStore(directory: string): boolean {
  return existsSync(join(directory, "store.json"));
}

/** A new Ed25519 private key. Its id does not begin with a hyphen: a command line would take that for a flag. */
export function newPrivateKey(randomBytes: RandomBytes): KeyObject {
  const privateKey = ed25519From(randomBytes(32));
  return pooledSignerOf(privateKey).kid.startsWith("-") ? newPrivateKey(randomBytes) : privateKey;
}

/** An Ed25519 private key from its 32 secret bytes (RFC 8410 §7). */
function ed25519From(seed: Uint8Array): KeyObject {
  const prefix = Buffer.from("302e020100300506032b657004220420", "hex");
  return createPrivateKey({ key: Buffer.concat([prefix, seed]), format: "der", type: "pkcs8" });
}

async function createStore({ directory, passphrase, randomBytes, cost }: OpenKeyStoreOptions): Promise<Uint8Array> {
  if (passphrase === null) {
    const secret = randomBytes(32);
    writePrivateFile(join(directory, "store.key"), `${Buffer.from(secret).toString("base64url")}\n`);
    writeStoreFile(directory, { version: 1, protection: { kind: "key-file" } });
    return secret;
  }
  const salt = randomBytes(16);
  const chosen = cost ?? usualCost;
  const secret = await argon2id(Buffer.from(passphrase), salt, chosen);
  writeStoreFile(directory, {
    version: 1,
    protection: {
      kind: "passphrase",
      salt: Buffer.from(salt).toString("base64url"),
      cost: chosen,
      check: checkOf(secret),
    },
  });
  return secret;
}

async function openStore({ directory, passphrase }: OpenKeyStoreOptions): Promise<Uint8Array> {
  const { version, protection } = JSON.parse(readFileSync(join(directory, "store.json"), "utf8")) as StoreFile;
  if (version !== 1)
    throw new KeyStoreError(`The key store in ${directory} is of a newer version. Start a newer program.`);
  if (protection.kind === "key-file") {
    const path = join(directory, "store.key");
    if (!existsSync(path)) throw new KeyStoreError(`The key file ${path} is gone. Put it back from a backup.`);
    const secret = Buffer.from(readFileSync(path, "utf8").trim(), "base64url");
    if (secret.length !== 32) throw new KeyStoreError(`The key file ${path} is damaged. Put it back from a backup.`);
    return secret;
  }
  if (passphrase === null) {
    throw new KeyStoreError("The key store is locked by a passphrase. Name its file in POSTERN_KEY_PASSPHRASE_FILE.");
  }
  const secret = await argon2id(Buffer.from(passphrase), Buffer.from(protection.salt, "base64url"), protection.cost);
  if (checkOf(secret) !== protection.check) {
    throw new KeyStoreError(
      "The passphrase does not open the key store. Check the file named in POSTERN_KEY_PASSPHRASE_FILE.",
    );
  }
  return secret;
}

function writeStoreFile(directory: string, content: StoreFile): void {
  writePrivateFile(join(directory, "store.json"), `${JSON.stringify(content)}\n`);
}

/** Tells a wrong passphrase from a damaged key: a GCM tag over nothing, which says nothing about the key. */
function checkOf(secret: Uint8Array): string {
  const cipher = createCipheriv("aes-256-gcm", secret, Buffer.alloc(12));
  cipher.setAAD(Buffer.from("postern-key-store"));
  cipher.final();
  return cipher.getAuthTag().toString("base64url");
}

/** The store's own key encrypts and does nothing else; for this it gives another. */
function macUnder(secret: Uint8Array, purpose: string, text: string): string {
  const key = createHmac("sha256", secret).update(`postern-key-store-mac:${purpose}`).digest();
  return createHmac("sha256", key).update(text).digest("base64url");
}

function seal(secret: Uint8Array, kid: string, use: KeyUse, plain: Uint8Array, nonce: Uint8Array): SealedKey {
  const cipher = createCipheriv("aes-256-gcm", secret, nonce);
  cipher.setAAD(associatedData(kid, use));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return {
    version: 1,
    kid,
    use,
    nonce: Buffer.from(nonce).toString("base64url"),
    sealed: sealed.toString("base64url"),
  };
}

function unseal(secret: Uint8Array, kid: string, use: KeyUse, content: string, what: string): Buffer {
  try {
    const { nonce, sealed } = JSON.parse(content) as SealedKey;
    const bytes = Buffer.from(sealed, "base64url");
    const decipher = createDecipheriv("aes-256-gcm", secret, Buffer.from(nonce, "base64url"), { authTagLength: 16 });
    decipher.setAAD(associatedData(kid, use));
    decipher.setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]);
  } catch (error) {
    throw new KeyStoreError(`The ${what} was altered or belongs to another store. Put it back from a backup.`, {
      cause: error,
    });
  }
}

/** The use is bound in, so that a config key's file cannot be passed off as a token key's. */
function associatedData(kid: string, use: KeyUse): Buffer {
  return Buffer.from(`postern-key:1:${use}:${kid}`);
}
