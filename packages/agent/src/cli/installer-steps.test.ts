import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CommandAnswer, refuse } from "../commands.ts";
import type { InstallerStep } from "./arguments.ts";
import { runInstallerStep } from "./installer-steps.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-installer-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function status(state: "on" | "off" | "lifted"): CommandAnswer {
  const protection = { state, since: 0, layers: {} };
  const status = { agentVersion: "1.0.0", platform: "windows", enrolled: true, protection, systemTime: "" };
  return { v: 1, ok: true, result: { status } };
}

async function run(step: InstallerStep, answer: CommandAnswer | undefined, { running = true, foreign = "" } = {}) {
  let note: string | undefined = "from the last time";
  let err = "";
  const installer = {
    isServiceRunning: () => running,
    note: (sentence?: string) => {
      note = sentence;
    },
    foreignFolder: () => foreign || undefined,
    enrolment: () => undefined,
    forgetEnrolment: () => {},
  };
  const ports = { installer, dataFolder: join(folder, "data"), ask: async () => answer };
  const exit = await runInstallerStep(step, ports, {
    err: (text) => {
      err += text;
    },
  });
  return { exit, note, err };
}

describe("the guard check", () => {
  test.each([
    { name: "protected", answer: status("on"), exit: 3 },
    { name: "lifted", answer: status("lifted"), exit: 0 },
    { name: "off", answer: status("off"), exit: 0 },
    { name: "no answer from a running service", answer: undefined, exit: 4 },
    { name: "a service that is still starting", answer: refuse("starting"), exit: 4 },
  ])("$name: $exit", async ({ answer, exit }) => {
    const done = await run("guard-check", answer);
    expect(done.exit).toBe(exit);
    // What it leaves for the installer is today's refusal, never an old one.
    if (exit === 0) expect(done.note).toBeUndefined();
    else expect(done.err).toContain(done.note);
  });

  test("a service that was stopped is not asked", async () => {
    expect(await run("guard-check", undefined, { running: false })).toMatchObject({ exit: 0, note: undefined });
  });
});

test("the folder check refuses what somebody else made", async () => {
  expect(await run("folder-check", undefined)).toMatchObject({ exit: 0 });
  expect(await run("folder-check", undefined, { foreign: "C:\\x" })).toMatchObject({
    exit: 3,
    err: expect.stringMatching(/^foreign_folder: /),
  });
});

test("data is removed, logs are kept, and not while the service runs", async () => {
  const data = join(folder, "data");
  mkdirSync(join(data, "logs"), { recursive: true });
  writeFileSync(join(data, "state"), "");
  expect(await run("remove-data", undefined)).toMatchObject({ exit: 3 });
  expect(readdirSync(data)).toEqual(["logs", "state"]);
  expect(await run("remove-data", undefined, { running: false })).toMatchObject({ exit: 0 });
  expect(readdirSync(data)).toEqual(["logs"]);
  rmSync(join(data, "logs"), { recursive: true });
  expect(await run("remove-data", undefined, { running: false })).toMatchObject({ exit: 0 });
  expect(existsSync(data)).toBe(false);
});
