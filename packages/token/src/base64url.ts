const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const notInAlphabet = 0xff;
const sextets = new Uint8Array(256).fill(notInAlphabet);
for (let value = 0; value < 64; value++) sextets[alphabet.charCodeAt(value)] = value;

const symbols = Uint8Array.from(alphabet, (symbol) => symbol.charCodeAt(0));
const utf8 = new TextEncoder();
const ascii = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Encodes bytes as base64url without padding (RFC 4648 §5, RFC 7515 §2). */
export function encodeBase64url(bytes: Uint8Array): string {
  const encoded = new Uint8Array(base64urlLength(bytes.length));
  writeBase64url(bytes, encoded, 0);
  return ascii.decode(encoded);
}

/** How many characters {@link encodeBase64url} gives for so many bytes. */
export function base64urlLength(byteCount: number): number {
  return Math.ceil((byteCount * 4) / 3);
}

/**
 * Writes the characters of {@link encodeBase64url} into `target` from `start` on, and returns the index after the last.
 *
 * `target` has room for them: {@link base64urlLength} says how many they are.
 */
export function writeBase64url(bytes: Uint8Array, target: Uint8Array, start: number): number {
  const trailing = bytes.length % 3;
  const whole = bytes.length - trailing;
  let at = start;
  for (let i = 0; i < whole; i += 3) {
    const group = (byteAt(bytes, i) << 16) | (byteAt(bytes, i + 1) << 8) | byteAt(bytes, i + 2);
    target[at] = byteAt(symbols, group >>> 18);
    target[at + 1] = byteAt(symbols, (group >>> 12) & 63);
    target[at + 2] = byteAt(symbols, (group >>> 6) & 63);
    target[at + 3] = byteAt(symbols, group & 63);
    at += 4;
  }
  if (trailing === 1) {
    const group = byteAt(bytes, whole) << 4;
    target[at++] = byteAt(symbols, group >>> 6);
    target[at++] = byteAt(symbols, group & 63);
  }
  if (trailing === 2) {
    const group = (byteAt(bytes, whole) << 10) | (byteAt(bytes, whole + 1) << 2);
    target[at++] = byteAt(symbols, group >>> 12);
    target[at++] = byteAt(symbols, (group >>> 6) & 63);
    target[at++] = byteAt(symbols, group & 63);
  }
  return at;
}

/**
 * Decodes canonical base64url, or gives undefined.
 *
 * Canonical: no padding, no white space, and the unused bits of the last character are zero. Otherwise one token
 * would have many spellings (RFC 4648 §3.5), and its SHA-256 would not name it.
 */
export function decodeBase64url(text: string): Uint8Array | undefined {
  return readBase64url(utf8.encode(text));
}

/** {@link decodeBase64url} of text that is at hand as bytes of UTF-8: what is no ASCII is no base64url either. */
export function readBase64url(text: Uint8Array): Uint8Array | undefined {
  const trailing = text.length % 4;
  if (trailing === 1) return undefined;
  const whole = text.length - trailing;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let written = 0;
  // Only `notInAlphabet` has the upper bits that no sextet has: one look at the end serves for all.
  let seen = 0;
  for (let i = 0; i < whole; i += 4) {
    const a = sextetAt(text, i);
    const b = sextetAt(text, i + 1);
    const c = sextetAt(text, i + 2);
    const d = sextetAt(text, i + 3);
    seen |= a | b | c | d;
    bytes[written] = (a << 2) | (b >>> 4);
    bytes[written + 1] = (b << 4) | (c >>> 2);
    bytes[written + 2] = (c << 6) | d;
    written += 3;
  }
  let unusedBits = 0;
  if (trailing > 0) {
    const a = sextetAt(text, whole);
    const b = sextetAt(text, whole + 1);
    const c = trailing === 3 ? sextetAt(text, whole + 2) : 0;
    seen |= a | b | c;
    bytes[written] = (a << 2) | (b >>> 4);
    if (trailing === 3) bytes[written + 1] = (b << 4) | (c >>> 2);
    unusedBits = trailing === 3 ? c & 3 : b & 15;
  }
  return seen < 64 && unusedBits === 0 ? bytes : undefined;
}

function sextetAt(text: Uint8Array, index: number): number {
  return byteAt(sextets, byteAt(text, index));
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
