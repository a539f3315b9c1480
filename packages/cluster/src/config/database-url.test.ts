import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { describeAddress } from "../db/postgres/address.ts";
import { loadConfig } from "./config.ts";

function load(env: Record<string, string>, flags = {}) {
  return loadConfig({ env, flags, file: null }).database;
}

const secret = "s3cret";

test.each([
  ["postgres://u@127.0.0.1/d", { host: "127.0.0.1", port: 5432, database: "d", user: "u", tls: null }],
  ["postgresql://u:p%40ss@[::1]:6/d", { host: "::1", port: 6, database: "d", user: "u", password: "p@ss", tls: null }],
  ["postgres://u@localhost/d?host=/run/pg", { host: "/run/pg", port: 5432, database: "d", user: "u", tls: null }],
  ["postgres://u@db/d?sslmode=disable", { host: "db", port: 5432, database: "d", user: "u", tls: null }],
  ["postgres://u@db/d?sslmode=verify-full", { host: "db", port: 5432, database: "d", user: "u", tls: { ca: null } }],
])("%s", (url, address) => {
  expect(load({ DATABASE_URL: url })).toEqual({ address, listenAddress: address });
});

test("an authority of one's own is read from its file", () => {
  const directory = mkdtempSync(join(tmpdir(), "postern-ca-"));
  writeFileSync(join(directory, "ca.pem"), "the authority");
  const url = `postgres://u@db/d?sslmode=verify-full&sslrootcert=${join(directory, "ca.pem")}`;
  expect(load({ DATABASE_URL: url })?.address.tls).toEqual({ ca: "the authority" });
  rmSync(directory, { recursive: true });
  expect(() => load({ DATABASE_URL: url })).toThrow(/ca.pem, which cannot be read/);
});

test("the node can listen at another address", () => {
  const database = load({ DATABASE_URL: "postgres://u@[::1]:6432/d", DATABASE_LISTEN_URL: "postgres://u@[::1]/d" });
  expect(database).toMatchObject({ address: { port: 6432 }, listenAddress: { port: 5432 } });
});

test.each([
  ["mysql://u@127.0.0.1/d", /is no address of a PostgreSQL database/],
  [secret, /is no address/],
  [`postgres://u:${secret}@/d`, /is no address|lacks the user, the host/],
  [`postgres://:${secret}@127.0.0.1/d`, /lacks the user/],
  [`postgres://u:${secret}@127.0.0.1/`, /lacks .* name/],
  [`postgres://u:${secret}%@127.0.0.1/d`, /has a % that begins no character/],
  [`postgres://u:${secret}@db.example/d`, /leads across a network.*sslmode=verify-full/],
  [`postgres://u:${secret}@db.example/d?sslmode=require`, /has sslmode=require.*verify-full/],
  [`postgres://u:${secret}@db.example/d?sslmode=disable&sslrootcert=x`, /sslrootcert, which counts with/],
  [`postgres://u:${secret}@127.0.0.1/d?options=x`, /has the parameter "options"/],
])("%s is refused, and no password told", (url, message) => {
  let error: unknown;
  try {
    load({ DATABASE_URL: url });
  } catch (thrown) {
    error = thrown;
  }
  expect(inspect(error, { depth: 5, showHidden: true })).not.toContain(secret);
  expect(() => load({ DATABASE_URL: url })).toThrow(/^DATABASE_URL /);
  expect(() => load({ DATABASE_URL: url })).toThrow(message);
});

test("a password on the command line is refused: others can read it there", () => {
  const url = `postgres://u:${secret}@127.0.0.1/d`;
  expect(load({ DATABASE_URL: url })?.address.password).toBe(secret);
  expect(() => load({}, { database: url })).toThrow(/^--database holds a password/);
});

test("where to listen without a database is refused", () => {
  expect(() => load({ DATABASE_LISTEN_URL: "postgres://u@127.0.0.1/d" })).toThrow(
    /^DATABASE_LISTEN_URL is given without/,
  );
});

test("an address is told without who logs in", () => {
  const address = load({ DATABASE_URL: `postgres://u5er:${secret}@[::1]:6/d` })?.address;
  if (address === undefined) throw new Error("no address");
  expect(describeAddress(address)).toBe("database d on [::1]:6");
});
