import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

const root = join(import.meta.dirname, "..");

// Every unit test that needs a database, once more on PostgreSQL, and those that are about PostgreSQL itself.
const onBothEngines = globSync("src/**/*.test.ts", { cwd: root }).filter((file) =>
  /from ".*\/(test-database|test-cluster|token-scene)\.fixture\.ts"/.test(readFileSync(join(root, file), "utf8")),
);

export default defineConfig({
  test: {
    root,
    include: [...onBothEngines, "test/postgres/**/*.test.ts"],
    globalSetup: [join(import.meta.dirname, "postgres-server.ts")],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    restoreMocks: true,
  },
});
