import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "packages/*/build/**/*.test.ts", "scripts/**/*.test.ts"],
    restoreMocks: true,
    // All cores: Vitest would leave one free, which on two of them doubles the time.
    maxWorkers: "100%",
  },
});
