import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { openPostgresStore } from "../../src/db/postgres/open.ts";
import { type PostgresServer, startPostgresServer } from "../../src/postgres-server.fixture.ts";

const certFile = join(import.meta.dirname, "../loopback-tls/cert.pem");
const keyFile = join(import.meta.dirname, "../loopback-tls/key.pem");

let server: PostgresServer;
let plainServer: PostgresServer;

beforeAll(async () => {
  [server, plainServer] = await Promise.all([
    startPostgresServer({ tls: { certFile, keyFile } }),
    startPostgresServer(),
  ]);
});

afterAll(async () => {
  await server.stop();
  await plainServer.stop();
});

async function connect(host: string, { port }: PostgresServer, parameters = `&sslrootcert=${certFile}`) {
  const url = `postgres://postern@${host}:${port}/postgres?sslmode=verify-full${parameters}`;
  const { database } = loadConfig({ env: { DATABASE_URL: url }, flags: {}, file: null });
  if (database === null) throw new Error("no database");
  const store = await openPostgresStore<object>({ ...database, migrations: [], tenantColumns: {}, now: () => 1 });
  await (
    await store.signals.listen(
      () => {},
      () => {},
    )
  )();
  await store.close();
}

test.each(["127.0.0.1", "localhost"])("a server that proves to be %s is used", (host) => connect(host, server));

test("a server whose certificate is for another name is refused", async () => {
  // Loopback too, and not in the certificate.
  await expect(connect("127.0.0.2", server)).rejects.toThrow(/does not match certificate's altnames/);
});

test("a server whose authority nobody knows is refused", async () => {
  await expect(connect("127.0.0.1", server, "")).rejects.toThrow(/self-signed certificate/);
});

test("a server without TLS is refused", async () => {
  await expect(connect("127.0.0.1", plainServer)).rejects.toThrow(/does not support SSL/);
});
