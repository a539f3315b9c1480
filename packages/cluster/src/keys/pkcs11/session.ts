import { type Cryptoki, CryptokiError, ckr } from "./cryptoki.ts";
import { readUlong, withArena, writeUlong } from "./layout.ts";
import { ModuleError, sentenceFor } from "./module-error.ts";

export interface ModuleOptions {
  /** Path of the module's library. */
  readonly modulePath: string;
  /** Label of the token in it. */
  readonly tokenLabel: string;
  readonly pin: string;
}

const ckf = { osLocking: 2, readWrite: 2, serial: 4 };
const user = 1;

const tokenInfoBytes = 512; // far more than the structure has on any platform
const labelBytes = 32;
const maxSlots = 256;

/** What a failure means for the operator. */
export function told(error: unknown, options: ModuleOptions): unknown {
  return error instanceof CryptokiError
    ? new ModuleError(sentenceFor.failed(error.call, error.message, options), { cause: error })
    : error;
}

/** Initialises the module, finds the token and logs in. @throws {ModuleError} */
export async function openSession(cryptoki: Cryptoki, options: ModuleOptions): Promise<bigint> {
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

function ignoring(code: number): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof CryptokiError) || error.code !== code) throw error;
  };
}
