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

const goOn: CommandAnswer = { v: 1, ok: true, result: { installer: "go_on" } };
const noted: CommandAnswer = { v: 1, ok: true, result: { installer: "noted" } };

async function run(
  step: InstallerStep,
  answer: CommandAnswer | undefined,
  { running = true, isRunning = () => running, foreign = "", back = true } = {},
) {
  let note: string | undefined = "from the last time";
  let err = "";
  const installer = {
    isServiceRunning: isRunning,
    note: (sentence?: string) => {
      note = sentence;
    },
    foreignFolder: () => foreign || undefined,
    enrolment: () => undefined,
    forgetEnrolment: () => {},
    giveBackServices: () => back,
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
    { name: "protected", answer: refuse("service_protected"), exit: 3 },
    { name: "a package that the service installs itself", answer: refuse("installing_itself"), exit: 3 },
    { name: "a package that is not listed", answer: refuse("package_not_listed"), exit: 3 },
    { name: "lifted or off", answer: goOn, exit: 0 },
    { name: "an answer to something else", answer: noted, exit: 4 },
    { name: "a service that does not understand", answer: refuse("bad_request"), exit: 4 },
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

test("until the service has stopped, it is waited", async () => {
  expect(await run("wait-stopped", undefined, { running: false })).toMatchObject({ exit: 0 });
  let looks = 0;
  expect(await run("wait-stopped", undefined, { isRunning: () => looks++ < 2 })).toMatchObject({ exit: 0 });
  expect(looks).toBe(4);
});

test("that the installer has done is told to the service", async () => {
  expect(await run("installer-done", noted)).toMatchObject({ exit: 0 });
  expect(await run("installer-done", undefined)).toMatchObject({ exit: 4 });
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
  // What other services had before is in it.
  expect(await run("remove-data", undefined, { running: false, back: false })).toMatchObject({
    exit: 3,
    err: expect.stringMatching(/^services_guarded: /),
  });
  expect(readdirSync(data)).toEqual(["logs", "state"]);
  expect(await run("remove-data", undefined, { running: false })).toMatchObject({ exit: 0 });
  expect(readdirSync(data)).toEqual(["logs"]);
  rmSync(join(data, "logs"), { recursive: true });
  expect(await run("remove-data", undefined, { running: false })).toMatchObject({ exit: 0 });
  expect(existsSync(data)).toBe(false);
});
