import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { useQuickTemp } from "./quick-temp.ts";
import { storeTests } from "./store-tests.ts";

useQuickTemp();

// The tests beside the source that need a database, on SQLite. `postgres.vitest.config.ts` runs the same once more.
export default defineConfig({
  test: {
    root: join(import.meta.dirname, ".."),
    include: [...storeTests],
    globalSetup: [join(import.meta.dirname, "sqlite-template.ts")],
    // Seconds of a machine that others use too say nothing: a test that hangs shows all the same.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    restoreMocks: true,
    // All cores: Vitest would leave one free, which on two of them doubles the time.
    maxWorkers: "100%",
    // The program is loaded once for each worker: loading it for each file takes longer than most files' tests.
    isolate: false,
  },
});
