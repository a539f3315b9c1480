import { BlockList, isIP } from "node:net";

/** An address range in CIDR notation (RFC 4632, RFC 4291 §2.3); an address alone is a range of one. */
export interface AddressRange {
  readonly network: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

/** @returns undefined for what is no range */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [, network = "", digits] = /^([0-9A-Fa-f:.]+)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(text) ?? [];
  const version = isIP(network);
  if (version === 0) return undefined;
  const bits = version === 4 ? 32 : 128;
  const prefix = digits === undefined ? bits : Number(digits);
  if (prefix > bits) return undefined;
  return { network, prefix, family: version === 4 ? "ipv4" : "ipv6" };
}

/** Makes a test of addresses that workloads report: in one of these ranges or not. What is no address is in none. */
export function addressRanges(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const text of ranges) {
    const range = parseAddressRange(text);
    if (range !== undefined) list.addSubnet(range.network, range.prefix, range.family);
  }
  return (address) => {
    // A link-local address may name its interface: fe80::1%12 (RFC 4007 §11).
    const [plain = ""] = address.split("%", 1);
    const version = isIP(plain);
    return version !== 0 && list.check(plain, version === 4 ? "ipv4" : "ipv6");
  };
}
