/**
 * The form in which names are stored for searching and for "is this name taken": NFKC and lower case, made in code
 * because the engines' own lower-casing disagree outside ASCII.
 */
export function toSearchText(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}

/** `text` as a LIKE pattern that matches it anywhere, to be used with `escape '\'`. */
export function containsPattern(text: string): string {
  return `%${toSearchText(text).replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
}
