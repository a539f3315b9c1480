import { timingSafeEqual } from "node:crypto";
import { type Argon2Cost, argon2id } from "../argon2id.ts";
import type { RandomBytes } from "../db/ids.ts";
import { Problem } from "../http/problems.ts";
import { identityLimits } from "./limits.ts";

/** Hashes and checks passwords; a few at a time, since each takes 64 MiB. */
export interface Passwords {
  /** A hash in the PHC string format. @throws {Problem} overloaded */
  hash(password: string): Promise<string>;
  /**
   * Whether the password belongs to the hash. Without a hash the answer is no and takes as long, so that nobody learns
   * which names exist.
   *
   * @throws {Problem} overloaded
   */
  verify(password: string, hash: string | null): Promise<boolean>;
}

export function createPasswords(cost: Argon2Cost, randomBytes: RandomBytes): Passwords {
  const limited = limitConcurrency(identityLimits.maxHashesAtOnce, identityLimits.maxHashesWaiting);
  const nobody: ParsedHash = { cost, salt: randomBytes(16), result: randomBytes(32) };
  return {
    hash: (password) =>
      limited(async () => {
        const salt = randomBytes(16);
        return formatHash({ cost, salt, result: await argon2id(toBytes(password), salt, cost) });
      }),
    verify: (password, hash) =>
      limited(async () => {
        const known = hash === null ? nobody : parseHash(hash);
        const result = await argon2id(toBytes(password), known.salt, known.cost);
        return timingSafeEqual(result, known.result) && hash !== null;
      }),
  };
}

/** The same letters typed on another keyboard may come as other code points (NIST SP 800-63B-4 §3.1.1.2). */
function toBytes(password: string): Uint8Array {
  return Buffer.from(password.normalize("NFKC"), "utf8");
}

interface ParsedHash {
  readonly cost: Argon2Cost;
  readonly salt: Uint8Array;
  readonly result: Uint8Array;
}

function formatHash({ cost, salt, result }: ParsedHash): string {
  const parameters = `m=${cost.memoryKiB},t=${cost.passes},p=${cost.lanes}`;
  return `$argon2id$v=19$${parameters}$${unpadded(salt)}$${unpadded(result)}`;
}

function parseHash(hash: string): ParsedHash {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)$/.exec(hash);
  if (match === null) throw new Error("A stored password hash has another format.");
  const [, memoryKiB, passes, lanes, salt = "", result = ""] = match;
  return {
    cost: { memoryKiB: Number(memoryKiB), passes: Number(passes), lanes: Number(lanes) },
    salt: Buffer.from(salt, "base64"),
    result: Buffer.from(result, "base64"),
  };
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replaceAll("=", "");
}

function limitConcurrency(atOnce: number, maxWaiting: number): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running >= atOnce) {
      if (waiting.length >= maxWaiting) throw new Problem("overloaded", undefined, { headers: { "retry-after": "5" } });
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next(); // hands its place on
    }
  };
}
