import koffi, { type KoffiFunc, type LibraryHandle } from "koffi";

/**
 * The part of PKCS#11 v3.0 (Cryptoki) that keys need, called through the module's own list of functions. Every call that
 * may wait for the module runs off the event loop.
 */
export interface Cryptoki {
  /** Number of bytes of `CK_ULONG`, which is C's `unsigned long`. */
  readonly ulongBytes: number;
  call(name: CryptokiCall, ...args: readonly unknown[]): Promise<void>;
}

/** What the module answered instead of `CKR_OK`. */
export class CryptokiError extends Error {
  override readonly name = "CryptokiError";
  readonly call: CryptokiCall;
  /** `CKR_…` (PKCS#11 v3.0, section 5). */
  readonly code: number;

  constructor(call: CryptokiCall, code: number) {
    super(`${call} answered ${nameOf(code)}`);
    this.call = call;
    this.code = code;
  }
}

const ulong = "unsigned long";
const memory = "void *";

/** By name: the place in `CK_FUNCTION_LIST`, and the arguments. */
const calls = {
  C_Initialize: [0, [memory]],
  C_GetSlotList: [4, ["uint8_t", memory, memory]],
  C_GetTokenInfo: [6, [ulong, memory]],
  C_OpenSession: [12, [ulong, ulong, memory, memory, memory]],
  C_CloseSession: [13, [ulong]],
  C_Login: [18, [ulong, ulong, memory, ulong]],
  C_DestroyObject: [22, [ulong, ulong]],
  C_GetAttributeValue: [24, [ulong, ulong, memory, ulong]],
  C_SetAttributeValue: [25, [ulong, ulong, memory, ulong]],
  C_FindObjectsInit: [26, [ulong, memory, ulong]],
  C_FindObjects: [27, [ulong, memory, ulong, memory]],
  C_FindObjectsFinal: [28, [ulong]],
  C_SignInit: [42, [ulong, memory, ulong]],
  C_Sign: [43, [ulong, memory, ulong, memory, memory]],
  C_GenerateKeyPair: [59, [ulong, memory, memory, ulong, memory, ulong, memory, memory]],
} as const satisfies Record<string, readonly [number, readonly string[]]>;

export type CryptokiCall = keyof typeof calls;

/** Libraries that are loaded. Who lets go of one has it unloaded, with calls into it perhaps still to come. */
const libraries = new Map<string, LibraryHandle>();

function libraryAt(path: string): LibraryHandle {
  // Deep: a module is to find its own OpenSSL, and not the one that Node brings and shows to every library.
  const library = libraries.get(path) ?? koffi.load(path, { deep: true });
  libraries.set(path, library);
  return library;
}

/** @throws {Error} the file is no module, or cannot be loaded */
export function loadCryptoki(path: string): Cryptoki {
  const getFunctionList = libraryAt(path).func("C_GetFunctionList", ulong, [koffi.out(koffi.pointer(memory))]);
  const out: [bigint | null] = [null];
  if (Number(getFunctionList(out)) !== 0 || out[0] === null) throw new Error("it gives no list of functions");
  const list = out[0];
  const pointerBytes = koffi.sizeof(memory);
  // CK_VERSION stands before the pointers. Windows packs its structures to one byte, the others align them.
  const start = process.platform === "win32" ? 2 : pointerBytes;
  const functions = new Map(
    Object.entries(calls).map(([name, [place, args]]) => {
      const address = koffi.decode(list, start + place * pointerBytes, memory) as bigint | null;
      if (address === null) throw new Error(`it has no ${name}`);
      return [name, koffi.decode(address, koffi.proto(ulong, [...args])) as KoffiFunc<() => number>];
    }),
  );
  return {
    ulongBytes: koffi.sizeof(ulong),
    call: (name, ...args) =>
      new Promise((resolve, reject) => {
        const done = (error: unknown, code: number | bigint) => {
          if (error) reject(error);
          else if (Number(code) === 0) resolve();
          else reject(new CryptokiError(name, Number(code)));
        };
        (functions.get(name)?.async as ((...all: unknown[]) => void) | undefined)?.(...args, done);
      }),
  };
}

/** Memory that C reads and writes while a call runs: it stays where it is until it is freed. */
export class Arena {
  readonly #blocks: bigint[] = [];

  /** A block with this content. */
  hold(content: Uint8Array): { readonly address: bigint; readonly bytes: Uint8Array } {
    const length = Math.max(1, content.length);
    const address = koffi.alloc("uint8_t", length) as bigint;
    this.#blocks.push(address);
    const bytes = new Uint8Array(koffi.view(address, length));
    bytes.set(content);
    return { address, bytes };
  }

  /** Nothing of it may be used any more. */
  free(): void {
    for (const address of this.#blocks.splice(0)) koffi.free(address);
  }
}

export const ckr = {
  deviceError: 0x30,
  deviceRemoved: 0x32,
  keyHandleInvalid: 0x60,
  mechanismInvalid: 0x70,
  objectHandleInvalid: 0x82,
  pinIncorrect: 0xa0,
  pinInvalid: 0xa1,
  pinLengthRange: 0xa2,
  pinExpired: 0xa3,
  pinLocked: 0xa4,
  sessionClosed: 0xb0,
  sessionHandleInvalid: 0xb3,
  tokenNotPresent: 0xe0,
  tokenNotRecognized: 0xe1,
  userAlreadyLoggedIn: 0x100,
  userNotLoggedIn: 0x101,
  cryptokiNotInitialized: 0x190,
  cryptokiAlreadyInitialized: 0x191,
} as const;

function nameOf(code: number): string {
  const [name] = Object.entries(ckr).find(([, value]) => value === code) ?? [];
  return name === undefined ? `0x${code.toString(16)}` : `${name} (0x${code.toString(16)})`;
}
