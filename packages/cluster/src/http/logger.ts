import type { FastifyServerOptions } from "fastify";

/**
 * The log: JSON lines to `stream`. Bodies, queries and headers are never logged; should somebody log an object that
 * holds one of these members, it is struck out.
 */
export function loggerOptions(
  level: string,
  now: () => number,
  stream: { write(line: string): void },
): NonNullable<FastifyServerOptions["logger"]> {
  const secrets = ["authorization", "cookie", "password", "secret", "token", "key"];
  return {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: "[secret]" },
    stream,
  };
}
