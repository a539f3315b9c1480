import { BlockList, isIP } from "node:net";
import type { FastifyRequest } from "fastify";
import { Problem } from "./problems.ts";

/** True for an address that only this machine can reach. */
export function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/i, "");
  return plain === "localhost" || plain === "::1" || (isIP(plain) === 4 && plain.startsWith("127."));
}

/** Passwords and tokens must not cross a network in the clear: plain HTTP only from this machine or a named proxy. */
export function plainHttpGuard(trustedProxies: readonly string[]): (request: FastifyRequest) => Promise<void> {
  const trusted = toBlockList(trustedProxies);
  return async (request) => {
    const peer = (request.socket.remoteAddress ?? "").replace(/^::ffff:/i, "");
    const family = isIP(peer) === 6 ? "ipv6" : "ipv4";
    if (!isLoopback(peer) && !(isIP(peer) > 0 && trusted.check(peer, family))) throw new Problem("tls_required");
  };
}

/**
 * Addresses and networks as Node can match them.
 *
 * @throws {TypeError} naming the entry that is neither an address nor a network
 */
export function toBlockList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", prefix, ...rest] = entry.split("/");
    const version = isIP(address);
    const bits = prefix === undefined ? undefined : Number(prefix);
    const valid =
      version > 0 &&
      rest.length === 0 &&
      (bits === undefined || (/^\d+$/.test(prefix ?? "") && bits <= (version === 4 ? 32 : 128)));
    if (!valid) throw new TypeError(`"${entry}" is neither an address nor a network like 10.0.0.0/8`);
    const family = version === 4 ? "ipv4" : "ipv6";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, bits, family);
  }
  return list;
}
