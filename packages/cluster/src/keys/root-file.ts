import { createCipheriv, createDecipheriv, createPrivateKey, type KeyObject } from "node:crypto";
import { signerOf } from "@postern/protocol";
import type { PublicJwk, Signer } from "@postern/token";
import { type Argon2Cost, argon2id, usualCost } from "../argon2id.ts";
import type { RandomBytes } from "../db/ids.ts";
import { KeyStoreError, newPrivateKey } from "./key-store.ts";

/** A root whose private half goes into a file that is carried away. */
export interface ExportedRoot {
  readonly kid: string;
  readonly publicJwk: PublicJwk;
  /** The file's content. */
  readonly text: string;
}

interface RootFile {
  readonly what: string;
  readonly clusterId: string;
  readonly kid: string;
  /** The private key; absent when the file is sealed by a passphrase. */
  readonly jwk?: Record<string, unknown>;
  readonly sealed?: {
    readonly salt: string;
    readonly cost: Argon2Cost;
    readonly nonce: string;
    readonly key: string;
  };
}

const what =
  "The second root key of a Postern cluster. Keep it offline; whoever holds it can take the cluster's place.";

/** Makes a second root; with a passphrase its file is worth nothing to who does not know it (Argon2id, AES-256-GCM). */
export async function exportNewRoot(
  clusterId: string,
  randomBytes: RandomBytes,
  passphrase: string | null,
  cost: Argon2Cost = usualCost,
): Promise<ExportedRoot> {
  const privateKey = newPrivateKey(randomBytes);
  const { kid, publicJwk } = signerOf(privateKey);
  const secret =
    passphrase === null
      ? { jwk: privateKey.export({ format: "jwk" }) as Record<string, unknown> }
      : { sealed: await seal(privateKey, passphrase, kid, randomBytes, cost) };
  const file: RootFile = { what, clusterId, kid, ...secret };
  return { kid, publicJwk, text: `${JSON.stringify(file, null, 2)}\n` };
}

/**
 * Opens the file of a second root.
 *
 * @throws {KeyStoreError} it is none, is damaged, or is sealed by another passphrase
 */
export async function openRootFile(
  text: string,
  passphrase: string | null,
): Promise<{ readonly clusterId: string; readonly signer: Signer }> {
  const { clusterId, kid, jwk, sealed } = parse(text);
  if (sealed !== undefined && passphrase === null) {
    throw new KeyStoreError("The second root's file is sealed by a passphrase. Give it with --passphrase-file.");
  }
  const privateKey = sealed ? await unseal(sealed, passphrase ?? "", kid) : fromJwk(jwk);
  const signer = signerOf(privateKey);
  if (signer.kid !== kid) throw damaged();
  return { clusterId, signer };
}

function parse(text: string): RootFile {
  try {
    const file = JSON.parse(text) as Partial<RootFile>;
    if (typeof file.clusterId === "string" && typeof file.kid === "string" && (file.jwk ?? file.sealed)) {
      return file as RootFile;
    }
  } catch {
    // told below
  }
  throw new KeyStoreError(
    "This is not the file of a second root, which `postern init` or `postern key root change` wrote.",
  );
}

function fromJwk(jwk: unknown): KeyObject {
  try {
    return createPrivateKey({ format: "jwk", key: jwk as Record<string, string> });
  } catch {
    throw damaged();
  }
}

function damaged(): KeyStoreError {
  return new KeyStoreError("The second root's file is damaged. Use another copy of it.");
}

async function seal(
  privateKey: KeyObject,
  passphrase: string,
  kid: string,
  randomBytes: RandomBytes,
  cost: Argon2Cost,
) {
  const [salt, nonce] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv("aes-256-gcm", await argon2id(Buffer.from(passphrase), salt, cost), nonce);
  cipher.setAAD(Buffer.from(`postern-root-file:1:${kid}`));
  const plain = privateKey.export({ format: "der", type: "pkcs8" });
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
  return { salt: text(salt), cost, nonce: text(nonce), key: text(sealed) };
}

async function unseal(
  { salt, cost, nonce, key }: NonNullable<RootFile["sealed"]>,
  passphrase: string,
  kid: string,
): Promise<KeyObject> {
  const bytes = (text: string) => Buffer.from(text, "base64url");
  // What the file says it costs comes from whoever wrote it.
  if (cost.memoryKiB > 1024 * 1024 || cost.passes > 100 || cost.lanes > 16) throw damaged();
  try {
    const secret = await argon2id(Buffer.from(passphrase), bytes(salt), cost);
    const decipher = createDecipheriv("aes-256-gcm", secret, bytes(nonce), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(`postern-root-file:1:${kid}`));
    const sealed = bytes(key);
    decipher.setAuthTag(sealed.subarray(-16));
    const der = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
    return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  } catch (error) {
    throw new KeyStoreError("The passphrase does not open the second root's file, or the file is damaged.", {
      cause: error,
    });
  }
}
