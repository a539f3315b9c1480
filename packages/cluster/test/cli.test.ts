import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openShell, runScript } from "./command-script.ts";
import { startCluster } from "./running-cluster.ts";

const folder = join(import.meta.dirname, "scripts");
const pages = ["backup.md", "cli.md", "keys.md", "monitoring.md", "people.md", "updates.md"].map((name) =>
  join(import.meta.dirname, "../../../docs", name),
);
const scripts = readdirSync(folder).map((name) => join(folder, name));

// Each script has a cluster of its own, and says all that it needs: nobody has to look elsewhere to read it.
test.each([...scripts, ...pages].map((path) => ({ path, name: path.split("/").slice(-2).join("/") })))(
  "every command in $name prints what stands there",
  async ({ path }) => {
    const cluster = await startCluster();
    try {
      const results = await runScript(path, await openShell(cluster, "operator"));
      expect(results.length).toBeGreaterThan(0);
      for (const { command, actual, expected } of results) {
        expect.soft(`$ ${command}\n${actual}`).toBe(`$ ${command}\n${expected}`);
      }
    } finally {
      await cluster.remove();
    }
  },
  300_000,
);
