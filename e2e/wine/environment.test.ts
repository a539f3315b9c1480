import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Finished, type WindowsMachine, windowsMachine } from "../windows-machine.ts";
import { shippedFolder, unpatchedFolder } from "./build-agent.ts";

let machine: WindowsMachine;

beforeAll(async () => {
  machine = await windowsMachine();
  writeFileSync(join(machine.driveC, "foreign.js"), 'console.log("FOREIGN CODE RAN");');
  writeFileSync(join(machine.driveC, "broken.cnf"), "not a configuration [[[");
});
afterAll(() => machine.close());

/** Variables that change what an ordinary Node does before the program's first line, and how that shows. */
const attacks = [
  {
    name: "NODE_OPTIONS runs no foreign script",
    env: { NODE_OPTIONS: "--require C:\\foreign.js" },
    shows: (run: Finished) => run.stdout.includes("FOREIGN CODE RAN"),
  },
  {
    name: "OPENSSL_CONF loads no configuration",
    env: { OPENSSL_CONF: "C:\\broken.cnf" },
    shows: (run: Finished) => run.stderr.includes("OpenSSL configuration error"),
  },
  {
    // Read by Node's JavaScript, the others by its native half.
    name: "NODE_V8_COVERAGE opens no inspector",
    env: { NODE_V8_COVERAGE: "C:\\coverage" },
    shows: () => existsSync(join(machine.driveC, "coverage")),
  },
];

describe.each(attacks)("$name", ({ env, shows }) => {
  test("on the shipped executable", async () => {
    const run = await machine.run(executable(shippedFolder), ["-version"], { env });
    expect(run.code).toBe(0);
    expect(run.stdout).toMatch(/^\d+\.\d+\.\d+/);
    expect(shows(run)).toBe(false);
  });

  // Without this the test above would also pass if Node had stopped reading the variable.
  test("but does on one whose variables were left in force", async () => {
    const run = await machine.run(executable(unpatchedFolder), ["-version"], { env });
    expect(shows(run)).toBe(true);
  });
});

test("the configuration in OpenSSL's own folder is not read either", async () => {
  const folder = join(machine.driveC, "Program Files", "Common Files", "SSL");
  mkdirSync(folder, { recursive: true });
  const configuration = join(folder, "openssl.cnf");
  copyFileSync(join(machine.driveC, "broken.cnf"), configuration);
  try {
    const unpatched = await machine.run(executable(unpatchedFolder), ["-version"]);
    expect(unpatched.stderr).toContain("OpenSSL configuration error");
    const shipped = await machine.run(executable(shippedFolder), ["-version"]);
    expect(shipped.code).toBe(0);
  } finally {
    // On a real machine every other Node would read it.
    rmSync(configuration);
  }
});

function executable(folder: string): string {
  return machine.onWindows(join(folder, "PosternAgent.exe"));
}
