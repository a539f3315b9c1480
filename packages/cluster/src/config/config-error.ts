/** A setting is wrong; the message names it, says what is wrong and what to do. The program ends with exit code 2. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
