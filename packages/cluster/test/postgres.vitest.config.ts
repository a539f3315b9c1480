import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { findPostgres } from "../src/postgres-server.fixture.ts";
import { useQuickTemp } from "./quick-temp.ts";
import { storeTests } from "./store-tests.ts";

useQuickTemp();

const root = join(import.meta.dirname, "..");

// The tests of the store, and whole clusters, once more on PostgreSQL; and what is about it alone.
const wholeClusters = ["agent-messages", "backup", "bad-input", "kill", "tenant-walls"].map(
  (name) => `test/${name}.test.ts`,
);

const isThere = findPostgres() !== null || process.env["CI"] === "true";
if (!isThere) console.warn("PostgreSQL is not installed (apt-get install postgresql): its tests are skipped.");

export default defineConfig({
  test: {
    root,
    include: isThere ? [...storeTests, ...wholeClusters, "test/postgres/**/*.test.ts"] : [],
    passWithNoTests: !isThere,
    globalSetup: isThere ? [join(import.meta.dirname, "postgres-server.ts")] : [],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    // As on SQLite.
    maxWorkers: "100%",
    isolate: false,
  },
});
