import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "packages/*/build/**/*.test.ts", "scripts/**/*.test.ts"],
    restoreMocks: true,
  },
});
