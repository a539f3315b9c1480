import type { KeyUse } from "../tables.ts";
import { type Cryptoki, CryptokiError, ckr, loadCryptoki } from "./cryptoki.ts";
import {
  lengthOffset,
  mechanismIn,
  readUlong,
  type Template,
  templateAt,
  templateIn,
  withArena,
  withTemplate,
  writeUlong,
} from "./layout.ts";
import { ModuleError, sentenceFor } from "./module-error.ts";
import { type ModuleOptions, openSession, told } from "./session.ts";

/** A token of a PKCS#11 module, and the Ed25519 keys in it. Ids are the 32 bytes of a key's thumbprint. */
export interface Pkcs11Module {
  /** Makes a key that never leaves the module; `idOf` gives its id from its 32 public bytes. */
  generate(use: KeyUse, idOf: (publicKey: Uint8Array) => Uint8Array): Promise<Uint8Array>;
  /** The 32 public bytes, or undefined when there is no such key. */
  publicKeyOf(use: KeyUse, id: Uint8Array): Promise<Uint8Array | undefined>;
  sign(use: KeyUse, id: Uint8Array, message: Uint8Array): Promise<Uint8Array>;
  /** Destroys every object with this id that is ours. */
  destroy(id: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const mechanisms = { edwardsKeyPairGen: 0x1055, eddsa: 0x1057 };
const classes = { publicKey: 2, privateKey: 3 };
const cka = {
  class: 0x0,
  token: 0x1,
  private: 0x2,
  label: 0x3,
  id: 0x102,
  sensitive: 0x103,
  sign: 0x108,
  verify: 0x10a,
  extractable: 0x162,
  ecParams: 0x180,
  ecPoint: 0x181,
};

/** The curve in its two spellings: the OID of RFC 8410, and the name of PKCS#11 v3.0. Modules take one or the other. */
const curves = [Buffer.from("06032b6570", "hex"), Buffer.from("130c656477617264733235353139", "hex")];

/** After these the session is opened anew, once: a module was restarted, a card was out for a moment. */
const lostSession: ReadonlySet<number> = new Set([
  ckr.deviceError,
  ckr.deviceRemoved,
  ckr.keyHandleInvalid,
  ckr.objectHandleInvalid,
  ckr.sessionClosed,
  ckr.sessionHandleInvalid,
  ckr.tokenNotPresent,
  ckr.userNotLoggedIn,
  ckr.cryptokiNotInitialized,
]);

/**
 * Opens a token of a module and logs in.
 *
 * @throws {ModuleError} in words for the operator: no such module or token, a wrong PIN
 */
export async function openModule(options: ModuleOptions): Promise<Pkcs11Module> {
  const cryptoki = load(options.modulePath);
  let session = await openSession(cryptoki, options);
  let handles = new Map<string, bigint>();
  let last: Promise<unknown> = Promise.resolve();
  /** A PIN that was wrong once is not tried again: after a few times the token would lock itself. */
  let refused: ModuleError | undefined;

  /** One after another: an operation of several calls belongs to the session, and another's must not come between. */
  function inTurn<Result>(work: (session: bigint) => Promise<Result>): Promise<Result> {
    const turn = last.then(async () => {
      if (refused) throw refused;
      try {
        return await work(session);
      } catch (error) {
        if (!(error instanceof CryptokiError) || !lostSession.has(error.code)) throw told(error, options);
        await reopen();
        return await work(session).catch((again: unknown) => {
          throw told(again, options);
        });
      }
    });
    last = turn.catch(() => {});
    return turn;
  }

  async function reopen(): Promise<void> {
    await cryptoki.call("C_CloseSession", session).catch(() => {});
    handles = new Map();
    try {
      session = await openSession(cryptoki, options);
    } catch (error) {
      if (error instanceof ModuleError && error.isFinal) refused = error;
      throw error;
    }
  }

  async function handleOf(use: KeyUse, id: Uint8Array, at: bigint): Promise<bigint | undefined> {
    const name = `${use} ${Buffer.from(id).toString("hex")}`;
    const known = handles.get(name);
    if (known !== undefined) return known;
    const [found] = await find(cryptoki, at, [
      [cka.class, classes.privateKey],
      [cka.label, labelOf(use)],
      [cka.id, id],
    ]);
    if (found !== undefined) handles.set(name, found);
    return found;
  }

  return {
    generate: (use, idOf) =>
      inTurn(async (at) => {
        const pair = await generatePair(cryptoki, at, use);
        const publicKey = await readPublicKey(cryptoki, at, pair.publicKey);
        for (const handle of [pair.publicKey, pair.privateKey]) {
          await withTemplate(cryptoki, [[cka.id, idOf(publicKey)]], (template) =>
            cryptoki.call("C_SetAttributeValue", at, handle, template, 1),
          );
        }
        return publicKey;
      }),
    publicKeyOf: (use, id) =>
      inTurn(async (at) => {
        const wanted: Template = [
          [cka.class, classes.publicKey],
          [cka.label, labelOf(use)],
          [cka.id, id],
        ];
        const [found] = await find(cryptoki, at, wanted);
        if (found === undefined || (await handleOf(use, id, at)) === undefined) return undefined;
        return readPublicKey(cryptoki, at, found);
      }),
    sign: (use, id, message) =>
      inTurn(async (at) => {
        const key = await handleOf(use, id, at);
        if (key === undefined) throw new ModuleError(sentenceFor.noKey(use, options));
        return signWith(cryptoki, at, key, message);
      }),
    destroy: (id) =>
      inTurn(async (at) => {
        handles = new Map();
        const ours = (["root", "token", "config", "audit"] as const).map(labelOf);
        for (const label of ours) {
          for (const handle of await find(cryptoki, at, [
            [cka.label, label],
            [cka.id, id],
          ])) {
            await cryptoki.call("C_DestroyObject", at, handle);
          }
        }
      }),
    async close() {
      await last;
      await cryptoki.call("C_CloseSession", session).catch(() => {}); // it may be lost already
    },
  };
}

async function generatePair(cryptoki: Cryptoki, session: bigint, use: KeyUse) {
  for (const [index, curve] of curves.entries()) {
    const publicKey: Template = [
      [cka.token, true],
      [cka.private, false],
      [cka.verify, true],
      [cka.label, labelOf(use)],
      [cka.ecParams, curve],
    ];
    const privateKey: Template = [
      [cka.token, true],
      [cka.private, true],
      [cka.sensitive, true],
      [cka.extractable, false],
      [cka.sign, true],
      [cka.label, labelOf(use)],
    ];
    try {
      return await withArena(async (arena) => {
        const mechanism = mechanismIn(cryptoki, arena, mechanisms.edwardsKeyPairGen);
        const [pub, priv] = [templateIn(cryptoki, arena, publicKey), templateIn(cryptoki, arena, privateKey)];
        const out = [0, 1].map(() => arena.hold(new Uint8Array(cryptoki.ulongBytes)));
        const [first, second] = out.map(({ address }) => address);
        await cryptoki.call(
          "C_GenerateKeyPair",
          session,
          mechanism,
          pub.address,
          publicKey.length,
          priv.address,
          privateKey.length,
          first,
          second,
        );
        const [made, secret] = out.map(({ bytes }) => readUlong(cryptoki, bytes));
        return { publicKey: made ?? 0n, privateKey: secret ?? 0n };
      });
    } catch (error) {
      const mayBeSpelling = error instanceof CryptokiError && !lostSession.has(error.code);
      if (!mayBeSpelling || index === curves.length - 1) throw error;
    }
  }
  throw new Error("no curve");
}

/** The 32 bytes of a public key, which modules give bare or as a DER octet string (PKCS#11 v3.0, 2.3.5). */
async function readPublicKey(cryptoki: Cryptoki, session: bigint, handle: bigint): Promise<Uint8Array> {
  return withArena(async (arena) => {
    const value = arena.hold(new Uint8Array(128));
    const template = templateAt(cryptoki, arena, [{ type: cka.ecPoint, address: value.address, length: 128 }]);
    await cryptoki.call("C_GetAttributeValue", session, handle, template.address, 1);
    const length = Number(readUlong(cryptoki, template.bytes, lengthOffset(cryptoki)));
    const point = value.bytes.slice(0, length);
    if (length === 32) return point;
    if (length === 34 && point[0] === 0x04 && point[1] === 0x20) return point.slice(2);
    throw new ModuleError("The module gave a public key that is none of Ed25519.");
  });
}

async function signWith(cryptoki: Cryptoki, session: bigint, key: bigint, message: Uint8Array): Promise<Uint8Array> {
  return withArena(async (arena) => {
    await cryptoki.call("C_SignInit", session, mechanismIn(cryptoki, arena, mechanisms.eddsa), key);
    const data = arena.hold(message);
    const signature = arena.hold(new Uint8Array(64));
    const length = arena.hold(new Uint8Array(cryptoki.ulongBytes));
    writeUlong(cryptoki, length.bytes, 0, 64);
    await cryptoki.call("C_Sign", session, data.address, message.length, signature.address, length.address);
    if (readUlong(cryptoki, length.bytes) !== 64n)
      throw new ModuleError("The module gave a signature that is none of Ed25519.");
    return signature.bytes.slice();
  });
}

async function find(cryptoki: Cryptoki, session: bigint, wanted: Template): Promise<bigint[]> {
  const most = 16;
  await withTemplate(cryptoki, wanted, (template) =>
    cryptoki.call("C_FindObjectsInit", session, template, wanted.length),
  );
  try {
    return await withArena(async (arena) => {
      const found = arena.hold(new Uint8Array(most * cryptoki.ulongBytes));
      const count = arena.hold(new Uint8Array(cryptoki.ulongBytes));
      await cryptoki.call("C_FindObjects", session, found.address, most, count.address);
      const length = Number(readUlong(cryptoki, count.bytes));
      return Array.from({ length }, (_, i) => readUlong(cryptoki, found.bytes, i * cryptoki.ulongBytes));
    });
  } finally {
    await cryptoki.call("C_FindObjectsFinal", session);
  }
}

/** Ties a key to its use: a config key is not found where a token key is looked for. */
function labelOf(use: KeyUse): string {
  return `postern-${use}`;
}

function load(path: string): Cryptoki {
  try {
    return loadCryptoki(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModuleError(sentenceFor.noModule(path, reason), { cause: error });
  }
}
