import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { thumbprintOf, verifyKeyOf } from "@postern/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type KeyStore, openKeyStore } from "../../src/keys/key-store.ts";
import { openModule } from "../../src/keys/pkcs11/module.ts";
import { withModule } from "../../src/keys/pkcs11/module-keys.ts";
import { makeSoftHsm } from "./soft-hsm.ts";

const hsm = makeSoftHsm();
const options = { modulePath: hsm.modulePath, tokenLabel: "postern", pin: hsm.pin };
const message = Buffer.from("what is signed");

beforeAll(() => {
  process.env["SOFTHSM2_CONF"] = hsm.env.SOFTHSM2_CONF; // the library reads it when it is loaded
  hsm.makeToken("postern");
  hsm.makeToken("somebody else's");
});
afterAll(() => hsm.remove());

async function open(name = "keys"): Promise<KeyStore> {
  const directory = join(hsm.directory, name);
  const files = await openKeyStore({ directory, passphrase: null, randomBytes });
  return withModule(files, await openModule(options));
}

test.each(["root", "token"] as const)("a %s key is made in the module, signs, and is found again", async (use) => {
  const store = await open();
  const made = await store.create(use);
  expect(made.kid).toBe(thumbprintOf(made.publicJwk));
  const signature = await made.sign(message);
  expect(verifyKeyOf(made.publicJwk).verify(message, signature)).toBe(true);
  expect(readdirSync(join(hsm.directory, "keys"))).not.toContain(`${made.kid}.json`);
  expect(await store.sealedCopy(made.kid)).toBeNull();
  await store.close();

  const again = await open();
  const loaded = await again.load(made.kid, use);
  expect(loaded.publicJwk).toEqual(made.publicJwk);
  expect(await loaded.sign(message)).toEqual(signature); // Ed25519 is deterministic, also in there
  expect(await again.has(made.kid)).toBe(true);
  await again.close();
});

test("config and audit keys, and keys that were in files before, are used from there", async () => {
  const files = await openKeyStore({ directory: join(hsm.directory, "keys"), passphrase: null, randomBytes });
  const older = await files.create("token");
  const store = await open();
  for (const use of ["config", "audit"] as const) {
    const made = await store.create(use);
    expect(await store.sealedCopy(made.kid)).toContain(made.kid);
    expect((await store.load(made.kid, use)).kid).toBe(made.kid);
  }
  expect((await store.load(older.kid, "token")).kid).toBe(older.kid);
  await store.close();
});

test("many signatures at once do not get into each other's way", async () => {
  const store = await open();
  const signers = await Promise.all([store.create("token"), store.create("token")]);
  const messages = Array.from({ length: 40 }, () => randomBytes(300));
  const signed = await Promise.all(
    messages.map(async (each, i) => {
      const signer = signers[i % 2] as (typeof signers)[0];
      return verifyKeyOf(signer.publicJwk).verify(each, await signer.sign(each));
    }),
  );
  expect(signed.every(Boolean)).toBe(true);
  await store.close();
});

test("a key is found for its own use only, and a destroyed one not at all", async () => {
  const store = await open();
  const { kid } = await store.create("token");
  await expect(store.load(kid, "root")).rejects.toThrow(/root key .* is not in/);
  const other = await store.create("token");
  await store.destroy(kid);
  await expect(store.load(kid, "token")).rejects.toThrow(/token key .* is not in/);
  expect((await store.load(other.kid, "token")).kid).toBe(other.kid);
  await store.close();
});

test("a session that was lost is opened anew, once and unnoticed", async () => {
  const module = await openModule(options);
  const files = await openKeyStore({ directory: join(hsm.directory, "keys"), passphrase: null, randomBytes });
  const signer = await withModule(files, module).create("token");
  const { loadCryptoki } = await import("../../src/keys/pkcs11/cryptoki.ts");
  const cryptoki = loadCryptoki(hsm.modulePath);
  for (let session = 1; session < 30; session++) await cryptoki.call("C_CloseSession", session).catch(() => {});
  expect(verifyKeyOf(signer.publicJwk).verify(message, await signer.sign(message))).toBe(true);
  await module.close();
});

test.each([
  {
    name: "a wrong PIN",
    change: { pin: "0000-0000" },
    says: 'The PIN of the PKCS#11 token "postern" is wrong. Check the file named in POSTERN_PKCS11_PIN_FILE',
  },
  {
    name: "a token that is not there",
    change: { tokenLabel: "posten" },
    says: /has no token with the label "posten"\. It has: .*"postern".*Check POSTERN_PKCS11_TOKEN/,
  },
  {
    name: "a module that is not there",
    change: { modulePath: "/nowhere/module.so" },
    says: "The PKCS#11 module /nowhere/module.so cannot be loaded",
  },
  { name: "a file that is no module", change: { modulePath: "/etc/hostname" }, says: "cannot be loaded" },
])("$name is told in plain words, without the PIN", async ({ change, says }) => {
  const opening = openModule({ ...options, ...change });
  await expect(opening).rejects.toThrow(says);
  await expect(opening).rejects.not.toThrow(/0000-0000|4711-0815/);
});

test("a key that has vanished from the module is told in plain words", async () => {
  const store = await open();
  const signer = await store.create("token");
  const other = await open();
  await other.destroy(signer.kid);
  await expect(signer.sign(message)).rejects.toThrow(
    'The PKCS#11 token "postern" does not have the token key any more',
  );
  await Promise.all([store.close(), other.close()]);
});
