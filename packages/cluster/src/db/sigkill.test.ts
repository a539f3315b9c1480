import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSqliteStore } from "./sqlite/open.ts";

interface Tables {
  written: { number: number };
  migration: { name: string };
}

interface Death {
  /** Killed by us so long after the first answer. */
  readonly afterMs?: number;
  /** Kills itself in the moment of this answer. */
  readonly atAnswer?: number;
}

/** Lets the writer run until its death, and gives the numbers that it had answered. */
async function writeUntilKilled(directory: string, first: number, { afterMs, atAnswer = 0 }: Death): Promise<number[]> {
  const fixture = new URL("./sigkill.fixture.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [fixture, directory, String(first), String(atAnswer)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    if (output === "" && afterMs !== undefined) setTimeout(() => child.kill("SIGKILL"), afterMs);
    output += chunk.toString();
  });
  await new Promise((resolve) => child.on("close", resolve));
  expect(child.signalCode).toBe("SIGKILL");
  const lines = output.split("\n");
  lines.pop(); // the last line may be torn
  return lines.map(Number);
}

test("killed at any moment, the store has lost nothing that it answered, and can be opened at once", async () => {
  const directory = mkdtempSync(join(tmpdir(), "postern-kill-"));
  const answered: number[] = [];
  for (const death of [{ atAnswer: 1 }, { afterMs: 60 }, { atAnswer: 33 }, { afterMs: 150 }, { atAnswer: 90 }]) {
    const first = Math.max(0, ...answered) + 1_000;
    answered.push(...(await writeUntilKilled(directory, first, death)));
  }

  const store = await openSqliteStore<Tables>({
    directory,
    migrations: [{ name: "written-1", statements: ["create table written (number int8 primary key)"] }],
    tenantColumns: {},
    now: () => 1,
    onDeath: () => {},
  });
  const rows = await store.reads.selectFrom("written").select("number").execute();
  await store.close();
  rmSync(directory, { recursive: true });

  const stored = new Set(rows.map((row) => row.number));
  expect(answered.length).toBeGreaterThan(60);
  expect(answered.filter((number) => !stored.has(number))).toEqual([]);
}, 60_000);
