import { migratePostgres } from "../src/db/postgres/open.ts";
import { findPostgres, startPostgresServer } from "../src/postgres-server.fixture.ts";
import { migrations } from "../src/schema.ts";
import { addressOf, migratedTemplate, queryPostgres } from "../src/test-database.fixture.ts";

/**
 * One server for the whole run; each test makes databases of its own on it. Most of them begin with the whole schema, which
 * is made here once for all of them: a copy of it takes a fifth of the time.
 */
export async function setup(): Promise<() => Promise<void>> {
  if (findPostgres() === null) throw new Error("PostgreSQL is not installed: apt-get install postgresql");
  const server = await startPostgresServer();
  process.env["POSTERN_TEST_POSTGRES"] = server.url;
  await queryPostgres(`${server.url}/postgres`, `create database ${migratedTemplate} template template0`);
  await migratePostgres({ address: addressOf(`${server.url}/${migratedTemplate}`), migrations, now: () => 1 });
  return () => server.stop();
}
