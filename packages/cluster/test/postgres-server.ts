import { findPostgres, startPostgresServer } from "../src/postgres-server.fixture.ts";

/** One server for the whole run; each test makes databases of its own on it. */
export async function setup(): Promise<() => Promise<void>> {
  if (findPostgres() === null) throw new Error("PostgreSQL is not installed: apt-get install postgresql");
  const server = await startPostgresServer();
  process.env["POSTERN_TEST_POSTGRES"] = server.url;
  return () => server.stop();
}
