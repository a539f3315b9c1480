const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const notInAlphabet = 0xff;
const sextets = new Uint8Array(128).fill(notInAlphabet);
for (let value = 0; value < 64; value++) sextets[alphabet.charCodeAt(value)] = value;

/** Every two symbols that 12 bits can give: half the steps of one symbol after the other. */
const pairs = Array.from({ length: 4096 }, (_, bits) => alphabet.charAt(bits >>> 6) + alphabet.charAt(bits & 63));

/** Encodes bytes as base64url without padding (RFC 4648 §5, RFC 7515 §2). */
export function encodeBase64url(bytes: Uint8Array): string {
  const trailing = bytes.length % 3;
  const whole = bytes.length - trailing;
  let text = "";
  for (let i = 0; i < whole; i += 3) {
    const group = (byteAt(bytes, i) << 16) | (byteAt(bytes, i + 1) << 8) | byteAt(bytes, i + 2);
    text += pairs[group >>> 12];
    text += pairs[group & 4095];
  }
  if (trailing === 1) text += pairs[byteAt(bytes, whole) << 4];
  if (trailing === 2) {
    const group = (byteAt(bytes, whole) << 10) | (byteAt(bytes, whole + 1) << 2);
    text += pairs[group >>> 6];
    text += alphabet.charAt(group & 63);
  }
  return text;
}

/**
 * Decodes canonical base64url, or gives undefined.
 *
 * Canonical: no padding, no white space, and the unused bits of the last character are zero. Otherwise one token
 * would have many spellings (RFC 4648 §3.5), and its SHA-256 would not name it.
 */
export function decodeBase64url(text: string): Uint8Array | undefined {
  const trailing = text.length % 4;
  if (trailing === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let written = 0;
  let bits = 0;
  let bitCount = 0;
  for (let i = 0; i < text.length; i++) {
    const sextet = sextets[text.charCodeAt(i)] ?? notInAlphabet;
    if (sextet === notInAlphabet) return undefined;
    bits = (bits << 6) | sextet;
    bitCount += 6;
    if (bitCount >= 8) {
      bitCount -= 8;
      bytes[written++] = (bits >>> bitCount) & 0xff;
      bits &= (1 << bitCount) - 1;
    }
  }
  return bits === 0 ? bytes : undefined;
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
