import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeTokenFile, proposedFileName } from "./token-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-token-file-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("holds the token alone on one line, for its owner only", async () => {
  const file = await makeTokenFile(join(folder, "t.txt"));
  await file.fill("e30.e30.AA");
  expect(readFileSync(file.path, "utf8")).toBe("e30.e30.AA\n");
  expect(statSync(file.path).mode & 0o777).toBe(0o600);
});

test("leaves nothing behind when there is no token", async () => {
  await (await makeTokenFile(join(folder, "t.txt"))).discard();
  expect(readdirSync(folder)).toEqual([]);
});

test("never writes to a file that is there already, nor where there is no folder", async () => {
  writeFileSync(join(folder, "t.txt"), "mine");
  await expect(makeTokenFile(join(folder, "t.txt"))).rejects.toThrow(expect.objectContaining({ exitCode: 2 }));
  expect(readFileSync(join(folder, "t.txt"), "utf8")).toBe("mine");
  await expect(makeTokenFile(join(folder, "no/t.txt"))).rejects.toThrow(expect.objectContaining({ exitCode: 2 }));
});

test.each([
  ['attachment; filename="agent-token-agent-WS-1-20261124T0844Z.txt"', "agent-token-agent-WS-1-20261124T0844Z.txt"],
  ['attachment; filename="../../.ssh/authorized_keys"', undefined],
  ['attachment; filename=".bashrc"', undefined],
  ['attachment; filename="a\\b.txt"', undefined],
  ['attachment; filename="a/b.txt"', undefined],
  ['attachment; filename=""', undefined],
  ["inline", undefined],
])("of %s takes the name %s", (header, name) => {
  expect(proposedFileName(new Headers({ "content-disposition": header }))).toBe(name);
});
