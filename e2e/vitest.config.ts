import { defineConfig } from "vitest/config";

/** Whole-system tests. The word after `vitest run` chooses among them: `wine`. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    globalSetup: ["wine/build-agent.ts"],
    // Each file has a machine of its own, but they share these two cores and their figures.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // A person watches: what a step prints appears when it has passed.
    disableConsoleIntercept: true,
  },
});
