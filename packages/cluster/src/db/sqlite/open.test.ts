import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Store } from "../store.ts";
import { openSqliteStore } from "./open.ts";

let directory: string;
let store: Store<object>;

function open(): Promise<Store<object>> {
  return openSqliteStore<object>({ directory, migrations: [], tenantColumns: {}, now: () => 1, onDeath: () => {} });
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "postern-store-"));
  store = await open();
});

afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

test("a second opener is told who has the directory and what to do", async () => {
  await expect(open()).rejects.toThrow(/in use by another Postern process.*--data/);
});

test("a file that is no database is named, with what to do", async () => {
  await store.close();
  writeFileSync(join(directory, "postern.db"), "this is a text file, and a long one ".repeat(100));
  await expect(open()).rejects.toThrow(/postern.db cannot be opened .* backup/);
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
  store = await open();
});
