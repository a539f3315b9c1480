import { defineConfig } from "vitest/config";
import { useQuickTemp } from "../../packages/cluster/test/quick-temp.ts";

useQuickTemp();

/** The console in the system's Chromium, against a cluster that runs as a program and agents that really check in. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    globalSetup: ["build-console.ts"],
    // Each file has a cluster and a browser of its own; two of them at once would only wait for each other.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 90_000,
  },
});
