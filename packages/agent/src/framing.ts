const NEWLINE = 0x0a;

/** The far end sent more than the bound before its line ended. */
export class LineTooLong extends Error {
  override readonly name = "LineTooLong";
}

/** Gathers one line of UTF-8 from pieces; what follows the line's end is not looked at. */
export class LineReader {
  readonly #maxBytes: number;
  readonly #pieces: Buffer[] = [];
  #bytes = 0;

  /** `maxBytes` counts the line without its end. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * The line without its end, once it is complete.
   *
   * @throws {LineTooLong} as soon as the bound is passed, whether or not the end has come
   */
  push(piece: Buffer): string | undefined {
    const end = piece.indexOf(NEWLINE);
    const part = end === -1 ? piece : piece.subarray(0, end);
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes) throw new LineTooLong();
    this.#pieces.push(Buffer.from(part));
    return end === -1 ? undefined : Buffer.concat(this.#pieces).toString("utf8");
  }
}

/**
 * The message as one line with its end.
 *
 * @throws {LineTooLong} when it is over `maxBytes`, or holds a line end of its own
 */
export function toLine(message: string, maxBytes: number): Buffer {
  const line = Buffer.from(message, "utf8");
  if (line.length > maxBytes || line.includes(NEWLINE)) throw new LineTooLong();
  return Buffer.concat([line, Buffer.of(NEWLINE)]);
}
