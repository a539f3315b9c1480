import { maxTypedChallengeChars } from "./limits.ts";

/** Crockford's base32 symbols, then the five more that only the check character may be: 37 is prime. */
const symbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";
const dataSymbols = 15;
const shape = /^[0-9A-HJKMNP-TV-Z]{15}[0-9A-HJKMNP-TV-Z*~$=U]$/;

/** How many random bytes a challenge is made of; 75 of their 80 bits are used. */
export const challengeRandomBytes = 10;

/**
 * A challenge out of random bytes: 15 symbols of Crockford's base32 and its check character, 16 in all, no hyphens.
 *
 * 75 bits: nobody can generate a token beforehand for a challenge still to come. The check character (value modulo
 * 37) finds every single mistyped symbol and every swap of two neighbours before a token is made in vain.
 *
 * @throws {RangeError} not exactly {@link challengeRandomBytes} bytes
 */
export function encodeChallenge(random: Uint8Array): string {
  if (random.length !== challengeRandomBytes) throw new RangeError(`a challenge takes ${challengeRandomBytes} bytes`);
  let value = 0n;
  for (const byte of random) value = (value << 8n) | BigInt(byte);
  let data = "";
  for (let i = 0; i < dataSymbols; i++) {
    data = symbols.charAt(Number(value & 31n)) + data;
    value >>= 5n;
  }
  return data + checkSymbol(data);
}

/** For people to read and type: `XXXX-XXXX-XXXX-XXXX`. */
export function groupChallenge(challenge: string): string {
  return challenge.replace(/(.{4})(?=.)/g, "$1-");
}

/**
 * The challenge that a person typed, as 16 symbols without hyphens, or undefined when it is mistyped. Lower case,
 * spaces, hyphens, `O` for zero and `I` or `L` for one are forgiven, as Crockford's base32 has it.
 */
export function parseChallenge(typed: string): string | undefined {
  if (typed.length > maxTypedChallengeChars) return undefined;
  const challenge = typed.replace(/[\s-]/g, "").toUpperCase().replaceAll("O", "0").replace(/[IL]/g, "1");
  return shape.test(challenge) && checkSymbol(challenge.slice(0, dataSymbols)) === challenge.charAt(dataSymbols)
    ? challenge
    : undefined;
}

function checkSymbol(data: string): string {
  let remainder = 0;
  for (const symbol of data) remainder = (remainder * 32 + symbols.indexOf(symbol)) % 37;
  return symbols.charAt(remainder);
}
