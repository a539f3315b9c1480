import { defineConfig } from "vitest/config";
import { useQuickTemp } from "./quick-temp.ts";

useQuickTemp();

// Whole clusters, started as programs: slower than what stands beside the source.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    // Much of a test is a program that starts, on one core, while it waits.
    maxWorkers: "100%",
    isolate: false,
  },
});
