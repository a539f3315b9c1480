import { defineConfig } from "vitest/config";

// Whole clusters, started as programs: slower than what stands beside the source.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    restoreMocks: true,
  },
});
