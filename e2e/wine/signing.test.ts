import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { distFolder } from "../../packages/agent/build/agent.ts";
import { buildMsi } from "../../packages/agent/build/msi.ts";
import { sign, signingIdentity } from "../../packages/agent/build/signing.ts";

let folder: string;
let certificate: string;
let key: string;

/** A certificate of our own, such as a real one would be: for signing code. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-signing-"));
  certificate = join(folder, "certificate.pem");
  key = join(folder, "key.pem");
  const request =
    "req -x509 -newkey rsa:2048 -nodes -sha256 -days 2 -subj /CN=Test -addext extendedKeyUsage=codeSigning";
  execFileSync("openssl", [...request.split(" "), "-keyout", key, "-out", certificate], { stdio: "pipe" });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("an executable and a package are signed, and a changed byte shows", () => {
  copyFileSync(join(distFolder, "koffi.node"), join(folder, "koffi.node"));
  writeFileSync(join(folder, "PosternAgent.exe"), "only packed");
  const msi = join(folder, "PosternAgent.msi");
  buildMsi({ dist: folder, out: msi, version: "1.2.3" });
  for (const file of [join(folder, "koffi.node"), msi]) {
    expect([file, verified(file)]).toEqual([file, false]);
    sign(file, { certificate, key });
    expect([file, verified(file)]).toEqual([file, true]);
    const changed = readFileSync(file);
    changed.writeUInt8(changed.readUInt8(4_096) ^ 1, 4_096);
    writeFileSync(file, changed);
    expect([file, verified(file)]).toEqual([file, false]);
  }
});

test("a certificate without its key is a mistake, not an unsigned package", () => {
  expect(signingIdentity({})).toBeUndefined();
  expect(() => signingIdentity({ POSTERN_SIGN_CERT: "c.pem" })).toThrow(/both/);
});

function verified(file: string): boolean {
  return spawnSync("osslsigncode", ["verify", "-CAfile", certificate, "-in", file]).status === 0;
}
