import { wrongUsage } from "./failure.ts";

/** Where `postern serve` listens unless told otherwise. */
export const defaultUrl = "http://127.0.0.1:7480";

const loopback = new Set(["127.0.0.1", "[::1]", "localhost"]);

/**
 * The origin of a cluster from what an operator typed.
 *
 * Plain HTTP is taken on loopback only: passwords, API keys and tokens travel over it.
 *
 * @throws {CommandFailed} 2: not the address of a cluster
 */
export function parseClusterUrl(typed: string): string {
  const url = URL.parse(typed.trim());
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw wrongUsage(
      `"${typed}" is not the address of a cluster.`,
      "An address looks like https://postern.example.com",
    );
  }
  if (url.username !== "" || url.password !== "" || url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw wrongUsage(`The address of a cluster has no path, query or name in it.`, `Take ${url.origin}`);
  }
  if (url.protocol === "http:" && !loopback.has(url.hostname)) {
    throw wrongUsage(
      `Plain HTTP to ${url.host} would show passwords and tokens to everybody on the way.`,
      `Take https://${url.host}`,
    );
  }
  return url.origin;
}
