import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTrustBundle, pinsOf, signerOf, verifyKeyOf } from "@postern/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAudit } from "../audit/record.ts";
import { createIds } from "../db/ids.ts";
import { type Database, migrations } from "../schema.ts";
import { makeTestDatabase } from "../test-database.fixture.ts";
import { loadClusterKeys } from "./cluster-keys.ts";
import { enterFoundingKeys, foundKeys } from "./found.ts";
import { type KeyStore, newPrivateKey, openKeyStore } from "./key-store.ts";

const cost = { memoryKiB: 64, passes: 1, lanes: 1 };
const message = Buffer.from("to be signed");
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-keys-"));
});

afterEach(() => rmSync(directory, { recursive: true }));

function open(passphrase: string | null = null): Promise<KeyStore> {
  return openKeyStore({ directory: join(directory, "keys"), passphrase, randomBytes, cost });
}

function file(name: string): string {
  return join(directory, "keys", name);
}

test.each([null, "a passphrase of the operator"])(
  "a key comes back from its file and signs the same (passphrase: %s)",
  async (passphrase) => {
    const made = await (await open(passphrase)).create("token");
    const loaded = await (await open(passphrase)).load(made.kid, "token");
    expect(loaded.publicJwk).toEqual(made.publicJwk);
    const signature = await loaded.sign(message);
    expect(signature).toEqual(await made.sign(message));
    expect(verifyKeyOf(made.publicJwk).verify(message, signature)).toBe(true);
  },
);

test("files are the owner's alone and hold no key in the clear", async () => {
  const seeds: Buffer[] = [];
  const store = await openKeyStore({
    directory: join(directory, "keys"),
    passphrase: null,
    randomBytes: (length) => {
      const bytes = randomBytes(length);
      seeds.push(bytes);
      return bytes;
    },
  });
  const { kid } = await store.create("token");
  for (const name of readdirSync(join(directory, "keys"))) {
    expect(statSync(file(name)).mode & 0o077, name).toBe(0);
  }
  const [, seed = Buffer.alloc(0)] = seeds;
  const sealed = JSON.parse(readFileSync(file(`${kid}.json`), "utf8")).sealed as string;
  expect(seed.length).toBe(32);
  expect(Buffer.from(sealed, "base64url").includes(seed)).toBe(false);
});

test("a wrong passphrase, or none, opens nothing and says so", async () => {
  await open("the right one");
  await expect(open("another one")).rejects.toThrow(/does not open.*POSTERN_KEY_PASSPHRASE_FILE/);
  await expect(open(null)).rejects.toThrow(/locked by a passphrase/);
});

test("a lost key file of the store, and a lost key, are named", async () => {
  const { kid } = await (await open()).create("token");
  rmSync(file(`${kid}.json`));
  const store = await open();
  await expect(store.load(kid, "token")).rejects.toThrow(/token key .* is not in/);
  await expect(store.load("../store", "token")).rejects.toThrow(/is not in/);
  rmSync(file("store.key"));
  await expect(open()).rejects.toThrow(/store.key is gone/);
});

test("an altered key, another store's key, another key's file and another use are refused", async () => {
  const store = await open();
  const [first, second] = [await store.create("token"), await store.create("token")];
  const path = file(`${first.kid}.json`);
  const sealed = JSON.parse(readFileSync(path, "utf8"));
  await expect(store.load(first.kid, "config")).rejects.toThrow(/altered/);
  const bytes = Buffer.from(sealed.sealed, "base64url");
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  writeFileSync(path, JSON.stringify({ ...sealed, sealed: bytes.toString("base64url") }));
  await expect(store.load(first.kid, "token")).rejects.toThrow(/altered/);
  renameSync(file(`${second.kid}.json`), path);
  await expect(store.load(first.kid, "token")).rejects.toThrow(/altered/);
});

test("a cluster's founding gives a bundle that its roots vouch for, and keys that load again", async () => {
  const database = await makeTestDatabase("migrated");
  const store = await database.open<Database>(migrations);
  const audit = createAudit(
    { now: () => 1 },
    createIds(() => 1, randomBytes),
  );
  const keyStore = await open();
  expect(await loadClusterKeys(store.reads, keyStore)).toBeNull();

  const clusterId = "01890a5d-ac96-774b-bcce-b302099a8057";
  const founding = await foundKeys(clusterId, keyStore, randomBytes, 1_700_000_000_000);
  await store.durable((tx) => enterFoundingKeys(tx, audit, founding, 1_700_000_000_000));
  const keys = await loadClusterKeys(store.reads, await open());

  expect(keys).toMatchObject({ clusterId, trustBundle: { version: 1 } });
  for (const root of keys?.rootThumbprints ?? []) expect(founding.keys.map(({ signer }) => signer.kid)).toContain(root);
  expect(keys?.rootThumbprints[1]).toBe(founding.secondRoot.kid);
  const bundle = openTrustBundle(keys?.trustBundle.jws ?? "", pinsOf(keys?.rootThumbprints[0] ?? ""));
  expect(bundle.clusterId).toBe(clusterId);
  expect([...bundle.tokenKeys.keys()]).toEqual([keys?.tokenSigner.kid]);
  expect([...bundle.configKeys.keys()]).toEqual([keys?.configSigner.kid]);
  expect([...bundle.roots]).toEqual(keys?.rootThumbprints);
  expect(JSON.parse(founding.secondRoot.text).jwk.d).toMatch(/^[\w-]{43}$/);
  expect(readdirSync(join(directory, "keys"))).not.toContain(`${founding.secondRoot.kid}.json`);

  const older = await keyStore.create("token");
  const addKey = (state: "retired" | "compromised") =>
    store.durable((tx) =>
      tx
        .insertInto("signing_key")
        .values({
          kid: older.kid,
          use: "token",
          state,
          public_jwk: JSON.stringify(older.publicJwk),
          created_at: 1_800_000_000_000,
          state_changed_at: 1_800_000_000_000,
        })
        .onConflict((conflict) => conflict.column("kid").doUpdateSet({ state }))
        .execute(),
    );
  await addKey("retired"); // signs nothing new, and again what it signed before
  const withRetired = await loadClusterKeys(store.reads, keyStore);
  expect(withRetired?.tokenSigner.kid).toBe(keys?.tokenSigner.kid);
  expect(withRetired?.tokenSignerOf(older.kid)?.kid).toBe(older.kid);
  await addKey("compromised");
  expect((await loadClusterKeys(store.reads, keyStore))?.tokenSignerOf(older.kid)).toBeNull();
  expect((await loadClusterKeys(store.reads, keyStore))?.tokenSignerOf(keys?.configSigner.kid ?? "")).toBeNull();

  await store.durable((tx) =>
    tx.updateTable("signing_key").set({ state: "compromised" }).where("use", "=", "token").execute(),
  );
  await expect(loadClusterKeys(store.reads, keyStore)).rejects.toThrow("no active token key");
  await store.close();
  await database.remove();
});

test("no key gets an id that a command line would take for a flag", () => {
  for (let i = 0; i < 200; i++) expect(signerOf(newPrivateKey(randomBytes)).kid).not.toMatch(/^-/);
});
