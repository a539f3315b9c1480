import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** The fixtures that open a database: SQLite, or PostgreSQL when the run has started one. */
const opensDatabase = /from ".*\/(test-database|test-cluster|token-scene|scene)\.fixture\.ts"/;

/** The tests beside the source that work on a database, seen from the cluster's folder: they run once on each engine. */
export const storeTests: readonly string[] = globSync("src/**/*.test.ts", { cwd: root })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => opensDatabase.test(readFileSync(join(root, file), "utf8")))
  .sort();
