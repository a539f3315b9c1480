import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { storeTests } from "./store-tests.ts";

// The tests beside the source that need a database, on SQLite. `postgres.vitest.config.ts` runs the same once more.
export default defineConfig({
  test: {
    root: join(import.meta.dirname, ".."),
    include: [...storeTests],
    // Seconds of a machine that others use too say nothing: a test that hangs shows all the same.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    restoreMocks: true,
    // All cores: Vitest would leave one free, which on two of them doubles the time.
    maxWorkers: "100%",
  },
});
