import { join } from "node:path";
import { defineConfig } from "vitest/config";

// Keys in a PKCS#11 module: with a real one, SoftHSM2.
export default defineConfig({
  test: {
    root: join(import.meta.dirname, "pkcs11"),
    include: ["*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    restoreMocks: true,
  },
});
