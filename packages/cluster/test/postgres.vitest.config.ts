import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { findPostgres } from "../src/postgres-server.fixture.ts";

const root = join(import.meta.dirname, "..");

// The unit tests that need a database, and whole clusters, once more on PostgreSQL; and what is about it alone.
const unitTests = globSync("src/**/*.test.ts", { cwd: root }).filter((file) =>
  /from ".*\/(test-database|test-cluster|token-scene|scene)\.fixture\.ts"/.test(readFileSync(join(root, file), "utf8")),
);
const wholeClusters = ["agent-messages", "bad-input", "kill", "tenant-walls"].map((name) => `test/${name}.test.ts`);

const isThere = findPostgres() !== null || process.env["CI"] === "true";
if (!isThere) console.warn("PostgreSQL is not installed (apt-get install postgresql): its tests are skipped.");

export default defineConfig({
  test: {
    root,
    include: isThere ? [...unitTests, ...wholeClusters, "test/postgres/**/*.test.ts"] : [],
    passWithNoTests: !isThere,
    globalSetup: isThere ? [join(import.meta.dirname, "postgres-server.ts")] : [],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    restoreMocks: true,
  },
});
