import { defineConfig } from "vitest/config";

// Simulated agents and the demo, at real clusters that are started as programs.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    testTimeout: 300_000,
    hookTimeout: 60_000,
    restoreMocks: true,
  },
});
