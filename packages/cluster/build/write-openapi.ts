// Writes the OpenAPI document of a cluster to standard output. The console's types are made from it.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/clock.ts";
import { loadConfig } from "../src/config/config.ts";
import { startCluster } from "../src/serve.ts";

const directory = mkdtempSync(join(tmpdir(), "postern-openapi-"));
try {
  const passwordFile = join(directory, "password");
  writeFileSync(passwordFile, `${randomBytes(18).toString("base64url")}\n`);
  const env = {
    POSTERN_DATA: join(directory, "data"),
    POSTERN_LISTEN: "127.0.0.1:0",
    POSTERN_ADMIN_PASSWORD_FILE: passwordFile,
  };
  const cluster = await startCluster({
    config: loadConfig({ flags: {}, env, file: null }),
    clock: systemClock,
    randomBytes,
    cost: { memoryKiB: 64, passes: 1, lanes: 1 },
    version: "0.0.0",
    log: { level: "fatal", stream: process.stderr },
    onDeath: (error) => {
      throw error;
    },
  });
  const document = await fetch(`${cluster.url}/api/docs/openapi.json`);
  process.stdout.write(await document.text());
  await cluster.close();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
