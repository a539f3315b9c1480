import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodeFileSystem } from "../store/file-system.ts";
import { packageFile } from "./package-file.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-package-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function* pieces(count: number) {
  for (let piece = 0; piece < count; piece++) yield new Uint8Array(10);
}

test("a file that grows while it is copied is copied no further than its size was", async () => {
  const file = packageFile(nodeFileSystem, undefined, folder);
  const { signal } = new AbortController();
  await file.copy({ size: 30, bytes: () => pieces(3) }, signal);
  expect(statSync(file.path).size).toBe(30);
  await expect(file.copy({ size: 30, bytes: () => pieces(4) }, signal)).rejects.toMatchObject({ code: "too_long" });
  expect(statSync(file.path).size).toBe(30);
});

test("the path is ours in whatever case it is written", () => {
  const file = packageFile(nodeFileSystem, undefined, folder);
  expect(file.isAt(file.path.toUpperCase())).toBe(true);
  expect(file.isAt(`${file.path}.other`)).toBe(false);
});
