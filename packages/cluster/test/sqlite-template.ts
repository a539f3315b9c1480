import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrateSqlite } from "../src/db/sqlite/open.ts";
import { migrations } from "../src/schema.ts";

/** Makes the whole schema once, for the tests to copy that are not about making it. */
export async function setup(): Promise<() => void> {
  const directory = mkdtempSync(join(tmpdir(), "postern-schema-"));
  await migrateSqlite({ directory, migrations, now: () => 1 });
  process.env["POSTERN_TEST_SQLITE"] = join(directory, "postern.db");
  return () => rmSync(directory, { recursive: true });
}
