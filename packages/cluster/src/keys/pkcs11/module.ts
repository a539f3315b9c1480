import type { KeyUse } from "../tables.ts";
import { Arena, type Cryptoki, CryptokiError, ckr, loadCryptoki } from "./cryptoki.ts";
import { ModuleError, sentenceFor } from "./module-error.ts";

export interface ModuleOptions {
  /** Path of the module's library. */
  readonly modulePath: string;
  /** Label of the token in it. */
  readonly tokenLabel: string;
  readonly pin: string;
}

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

const ckf = { osLocking: 2, readWrite: 2, serial: 4 };
const user = 1;
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

const tokenInfoBytes = 512; // far more than the structure has on any platform
const labelBytes = 32;
const maxSlots = 256;

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

function load(path: string): Cryptoki {
  try {
    return loadCryptoki(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModuleError(sentenceFor.noModule(path, reason), { cause: error });
  }
}

/** What a failure means for the operator. */
function told(error: unknown, options: ModuleOptions): unknown {
  return error instanceof CryptokiError
    ? new ModuleError(sentenceFor.failed(error.call, error.message, options), { cause: error })
    : error;
}

async function openSession(cryptoki: Cryptoki, options: ModuleOptions): Promise<bigint> {
  try {
    await initialise(cryptoki);
    const slot = await findSlot(cryptoki, options);
    const session = await withArena(async (arena) => {
      const out = arena.hold(new Uint8Array(cryptoki.ulongBytes));
      await cryptoki.call("C_OpenSession", slot, ckf.serial | ckf.readWrite, null, null, out.address);
      return readUlong(cryptoki, out.bytes);
    });
    await logIn(cryptoki, session, options);
    return session;
  } catch (error) {
    throw told(error, options);
  }
}

async function initialise(cryptoki: Cryptoki): Promise<void> {
  await withArena(async (arena) => {
    // CK_C_INITIALIZE_ARGS: four callbacks, which we have none of, the flags, and a pointer.
    const args = new Uint8Array(6 * 8);
    writeUlong(cryptoki, args, 4 * 8, ckf.osLocking);
    await cryptoki.call("C_Initialize", arena.hold(args).address).catch(ignoring(ckr.cryptokiAlreadyInitialized));
  });
}

async function findSlot(cryptoki: Cryptoki, options: ModuleOptions): Promise<bigint> {
  const slots = await withArena(async (arena) => {
    const count = arena.hold(new Uint8Array(cryptoki.ulongBytes));
    writeUlong(cryptoki, count.bytes, 0, maxSlots);
    const list = arena.hold(new Uint8Array(maxSlots * cryptoki.ulongBytes));
    await cryptoki.call("C_GetSlotList", 1, list.address, count.address);
    const found = Number(readUlong(cryptoki, count.bytes));
    return Array.from({ length: found }, (_, i) => readUlong(cryptoki, list.bytes, i * cryptoki.ulongBytes));
  });
  const labels: string[] = [];
  for (const slot of slots) {
    const label = await withArena(async (arena) => {
      const info = arena.hold(new Uint8Array(tokenInfoBytes));
      await cryptoki.call("C_GetTokenInfo", slot, info.address);
      return Buffer.from(info.bytes.subarray(0, labelBytes)).toString("utf8").trimEnd();
    }).catch(() => undefined); // one that has just been taken out
    if (label === options.tokenLabel) return slot;
    if (label !== undefined && label !== "") labels.push(label);
  }
  throw new ModuleError(sentenceFor.noToken(options, labels));
}

async function logIn(cryptoki: Cryptoki, session: bigint, options: ModuleOptions): Promise<void> {
  const pin = Buffer.from(options.pin, "utf8");
  await withArena(async (arena) => {
    const held = arena.hold(pin);
    try {
      await cryptoki.call("C_Login", session, user, held.address, pin.length);
    } catch (error) {
      if (!(error instanceof CryptokiError)) throw error;
      const { code } = error;
      if (code === ckr.userAlreadyLoggedIn) return; // by another session of this process
      await cryptoki.call("C_CloseSession", session).catch(() => {});
      if (code === ckr.pinLocked) throw new ModuleError(sentenceFor.pinLocked(options), { cause: error }, true);
      if (code === ckr.pinIncorrect || code === ckr.pinInvalid || code === ckr.pinLengthRange) {
        throw new ModuleError(sentenceFor.wrongPin(options), { cause: error }, true);
      }
      throw error;
    } finally {
      held.bytes.fill(0);
    }
  });
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

type Template = readonly (readonly [type: number, value: boolean | number | string | Uint8Array])[];

async function withTemplate<Result>(
  cryptoki: Cryptoki,
  template: Template,
  work: (address: bigint) => Promise<Result>,
): Promise<Result> {
  return withArena((arena) => work(templateIn(cryptoki, arena, template).address));
}

function templateIn(cryptoki: Cryptoki, arena: Arena, template: Template) {
  const values = template.map(([type, value]) => {
    const content = bytesOf(cryptoki, value);
    return { type, address: arena.hold(content).address, length: content.length };
  });
  return templateAt(cryptoki, arena, values);
}

/** An array of CK_ATTRIBUTE: type, pointer, length. On Windows `CK_ULONG` has four bytes, and nothing is padded. */
function templateAt(
  cryptoki: Cryptoki,
  arena: Arena,
  values: readonly { readonly type: number; readonly address: bigint; readonly length: number }[],
) {
  const size = attributeBytes(cryptoki);
  const bytes = new Uint8Array(values.length * size);
  for (const [index, { type, address, length }] of values.entries()) {
    writeUlong(cryptoki, bytes, index * size, type);
    new DataView(bytes.buffer).setBigUint64(index * size + cryptoki.ulongBytes, address, true);
    writeUlong(cryptoki, bytes, index * size + lengthOffset(cryptoki), length);
  }
  return arena.hold(bytes);
}

function attributeBytes(cryptoki: Cryptoki): number {
  return lengthOffset(cryptoki) + cryptoki.ulongBytes;
}

function lengthOffset({ ulongBytes }: Cryptoki): number {
  return ulongBytes + 8;
}

/** A CK_MECHANISM without parameters. */
function mechanismIn(cryptoki: Cryptoki, arena: Arena, mechanism: number): bigint {
  const bytes = new Uint8Array(attributeBytes(cryptoki));
  writeUlong(cryptoki, bytes, 0, mechanism);
  return arena.hold(bytes).address;
}

function bytesOf(cryptoki: Cryptoki, value: Template[number][1]): Uint8Array {
  if (typeof value === "boolean") return Uint8Array.of(value ? 1 : 0);
  if (typeof value === "string") return Buffer.from(value, "utf8");
  if (typeof value !== "number") return value;
  const bytes = new Uint8Array(cryptoki.ulongBytes);
  writeUlong(cryptoki, bytes, 0, value);
  return bytes;
}

function writeUlong({ ulongBytes }: Cryptoki, bytes: Uint8Array, offset: number, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (ulongBytes === 8) view.setBigUint64(offset, BigInt(value), true);
  else view.setUint32(offset, value, true);
}

function readUlong({ ulongBytes }: Cryptoki, bytes: Uint8Array, offset = 0): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return ulongBytes === 8 ? view.getBigUint64(offset, true) : BigInt(view.getUint32(offset, true));
}

async function withArena<Result>(work: (arena: Arena) => Promise<Result>): Promise<Result> {
  const arena = new Arena();
  try {
    return await work(arena);
  } finally {
    arena.free();
  }
}

function ignoring(code: number): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof CryptokiError) || error.code !== code) throw error;
  };
}
