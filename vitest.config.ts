import { configDefaults, defineConfig } from "vitest/config";
import { storeTests } from "./packages/cluster/test/store-tests.ts";

export default defineConfig({
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      "packages/*/build/**/*.test.ts",
      "fuzz/**/*.test.ts",
      "scripts/**/*.test.ts",
    ],
    // What needs a database runs once on each engine: `npm run test:sqlite`, `npm run test:postgres`.
    exclude: [...configDefaults.exclude, ...storeTests.map((file) => `packages/cluster/${file}`)],
    // Seconds of a machine that others use too say nothing: a test that hangs shows all the same.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    restoreMocks: true,
    // All cores: Vitest would leave one free, which on two of them doubles the time.
    maxWorkers: "100%",
    // What is tested is loaded once for each worker: loading it for each file takes longer than most files' tests.
    isolate: false,
  },
});
