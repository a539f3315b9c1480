import { readFileSync } from "node:fs";
import type { PostgresAddress } from "../db/postgres/address.ts";
import { isLoopback } from "../http/plain-http.ts";
import type { SettingName, Settings } from "./settings.ts";

const example = "postgres://postern@db.example.com:5432/postern?sslmode=verify-full";

/**
 * Reads `postgres://USER[:PASSWORD]@HOST[:PORT]/NAME`, with `?host=/DIRECTORY` for a Unix socket, `sslmode` and
 * `sslrootcert`. Nothing of the URL stands in an error: it may hold a password.
 *
 * @returns null when the setting is not given
 * @throws {ConfigError}
 */
export function parseDatabaseUrl(settings: Settings, name: SettingName): PostgresAddress | null {
  const text = settings.value(name);
  if (text === null) return null;
  const url = URL.parse(text);
  if (url === null || !["postgres:", "postgresql:"].includes(url.protocol) || url.hash !== "") {
    throw settings.error(name, "is no address of a PostgreSQL database", `Write it like ${example}.`);
  }
  for (const parameter of url.searchParams.keys()) {
    if (["host", "sslmode", "sslrootcert"].includes(parameter)) continue;
    throw settings.error(name, `has the parameter "${parameter}"`, "Known are host, sslmode and sslrootcert.");
  }
  const host = url.searchParams.get("host") ?? decode(settings, name, url.hostname.replaceAll(/[[\]]/g, ""));
  const [user, password, database] = [url.username, url.password, url.pathname.slice(1)].map((part) =>
    decode(settings, name, part),
  );
  if (!host || !user || !database) {
    throw settings.error(name, "lacks the user, the host or the database's name", `Write it like ${example}.`);
  }
  if (password && settings.isFlag(name)) {
    throw settings.error(
      name,
      "holds a password, which everybody on this machine can read there",
      "Give the URL in the environment, or the password in PGPASSWORD or a password file (PGPASSFILE).",
    );
  }
  return {
    host,
    port: url.port === "" ? 5432 : Number(url.port),
    database,
    user,
    ...(password && { password }),
    tls: tlsOf(settings, name, host, url.searchParams),
  };
}

/** Across a network the server must prove who it is, or somebody must say that the network is to be trusted. */
function tlsOf(settings: Settings, name: SettingName, host: string, parameters: URLSearchParams) {
  const mode = parameters.get("sslmode");
  const authority = parameters.get("sslrootcert");
  const isLocal = host.startsWith("/") || isLoopback(host);
  if (mode !== null && mode !== "verify-full" && mode !== "disable") {
    throw settings.error(name, `has sslmode=${mode}`, "Use verify-full, or disable within a network of your own.");
  }
  if (mode === null && !isLocal) {
    throw settings.error(
      name,
      "leads across a network, and says nothing of TLS",
      "Add sslmode=verify-full (with sslrootcert=FILE for an authority of your own), or sslmode=disable within a network of your own.",
    );
  }
  if (mode !== "verify-full") {
    if (authority === null) return null;
    throw settings.error(name, "has sslrootcert, which counts with sslmode=verify-full only", "Give both or none.");
  }
  if (authority === null) return { ca: null };
  try {
    return { ca: readFileSync(authority, "utf8") };
  } catch {
    throw settings.error(name, `names ${authority}, which cannot be read`, "Check the path and who may read it.");
  }
}

function decode(settings: Settings, name: SettingName, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw settings.error(name, "has a % that begins no character", "Write % itself as %25.");
  }
}
