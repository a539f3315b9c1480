import { toBlockList } from "../http/plain-http.ts";
import type { SettingName, Settings } from "./settings.ts";

/** `HOST:PORT`, an IPv6 host in brackets. */
export function parseListen(settings: Settings, text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) {
    throw settings.error("listen", `is "${text}"`, "Write an address and a port, like 127.0.0.1:7480 or [::1]:7480.");
  }
  return { host, port };
}

/** An origin: `https://host[:port]` without path. */
export function parsePublicUrl(settings: Settings, text: string | null): string | null {
  if (text === null) return null;
  const url = URL.parse(text);
  const isOrigin = url !== null && (url.protocol === "https:" || url.protocol === "http:") && url.host !== "";
  if (!isOrigin || url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") {
    throw settings.error("publicUrl", `is "${text}"`, "Write it without a path, like https://postern.example.com.");
  }
  return url.origin;
}

/** Addresses and networks with commas between them. */
export function parseNetworks(settings: Settings, text: string | null): string[] {
  if (text === null) return [];
  const entries = text.split(",").map((entry) => entry.trim());
  try {
    toBlockList(entries);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw settings.error(
      "trustedProxies",
      `cannot be used: ${problem}`,
      "Write addresses or networks with commas between.",
    );
  }
  return entries;
}

/** A whole number from 1 to a million. */
export function parseCount(settings: Settings, name: SettingName): number | null {
  const text = settings.value(name);
  if (text === null) return null;
  const count = /^[1-9]\d{0,6}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > 1_000_000) {
    throw settings.error(name, `is "${text}"`, "Write a whole number, from 1 to 1000000.");
  }
  return count;
}

/** A number of whole days, up to a hundred years. */
export function parseDays(settings: Settings, name: SettingName): number | null {
  const text = settings.value(name);
  if (text === null) return null;
  const days = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
  if (days < 1 || days > 36_500) throw settings.error(name, `is "${text}"`, "Write a number of days, from 1 to 36500.");
  return days;
}
