declare const unixSeconds: unique symbol;

/** Whole seconds since 1970-01-01T00:00:00Z, leap seconds ignored: a NumericDate without fraction (RFC 7519 §2). */
export type UnixSeconds = number & { readonly [unixSeconds]: true };

/** The second in which a moment of `unixMilliseconds` lies. @throws {RangeError} not a finite number, or before 1970 */
export function toUnixSeconds(unixMilliseconds: number): UnixSeconds {
  const seconds = Math.floor(unixMilliseconds / 1000);
  if (!isUnixSeconds(seconds)) throw new RangeError(`not a time: ${unixMilliseconds}`);
  return seconds;
}

/** Whether a decoded value is a time we accept: a whole number of seconds, not negative, exactly representable. */
export function isUnixSeconds(value: unknown): value is UnixSeconds {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
