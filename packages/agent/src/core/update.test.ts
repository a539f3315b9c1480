import { beforeAll, describe, expect, test } from "vitest";
import { type Authority, fakeAuthority } from "../authority.fixture.ts";
import { grantMs, updateRetryCapMs, updateRetryMs } from "../limits.ts";
import { Machine } from "./machine.fixture.ts";
import type { Outcome } from "./step.ts";
import { compareVersions, wantedUpdate } from "./update.ts";

let authority: Authority;
beforeAll(() => {
  authority = fakeAuthority();
});

const wanted = packageOf("1.1.0", "A");
const other = packageOf("1.2.0", "E");
const packages = [wanted, other];

function packageOf(version: string, letter: string) {
  return { version, sha256: letter.repeat(43), size: 1000, path: `/agent/v1/packages/${letter}` };
}

async function machineThat(wants: { desiredVersion?: string; on?: boolean } = {}): Promise<Machine> {
  const { desiredVersion = wanted.version, on = true } = wants;
  const machine = await Machine.enrolled(authority, { on });
  await machine.checkIn({ profile: { on }, upkeep: { desiredVersion, packages } });
  machine.journal.length = 0;
  return machine;
}

function ready(machine: Machine, what: { version: string; sha256: string } = wanted): Outcome {
  return machine.send({ type: "replacementReady", package: what, running: machine.version });
}

function asks(machine: Machine, isGranted = true): Outcome {
  return machine.send({ type: "installerAsks", isGranted });
}

/** As the installer does it: the old process stops, the new one starts. */
function replace(machine: Machine, version = wanted.version): void {
  machine.send({ type: "stopping", reason: "stop" });
  machine.version = version;
  machine.start();
}

describe("what the config wants", () => {
  test.each([
    { desiredVersion: "1.0.0", is: "none" },
    { desiredVersion: "1.1.0", is: "package" },
    { desiredVersion: "0.9.9", is: "lower" },
    { desiredVersion: "2.0.0", is: "not_offered" },
  ])("$desiredVersion: $is", async ({ desiredVersion, is }) => {
    const machine = await machineThat({ desiredVersion });
    expect(wantedUpdate(machine.state, machine.version).is).toBe(is);
  });

  test("nothing without a desired version", async () => {
    expect(wantedUpdate((await Machine.enrolled(authority)).state, "1.0.0")).toEqual({ is: "none" });
  });

  test.each([
    ["1.2.3", "1.2.3", 0],
    ["1.10.0", "1.9.9", 1],
    ["0.9.9", "1.0.0", -1],
    ["1.0.1", "1.0.0", 1],
  ] as const)("%s and %s compare as numbers", (one, another, sign) => {
    expect(Math.sign(compareVersions(one, another))).toBe(sign);
  });
});

describe("a replacement under protection", () => {
  test("keeps the guard closed until the installer comes with this very copy, and closes it when it has done", async () => {
    const machine = await machineThat();
    expect(ready(machine)).toEqual({ grant: "given" });
    expect(machine.openForInstaller).toBe(false);
    expect(asks(machine, false)).toEqual({ installer: "service_protected" });
    expect(asks(machine)).toEqual({ installer: "go_on" });
    expect(machine.openForInstaller).toBe(true);
    replace(machine);
    // The installer still has to take the old version out, and might have to go back.
    expect(machine.openForInstaller).toBe(true);
    expect(asks(machine, false)).toEqual({ installer: "go_on" });
    machine.send({ type: "installerDone" });
    expect(machine).toMatchObject({ protection: "on", guard: "armed", openForInstaller: false });
    expect(asks(machine)).toEqual({ installer: "service_protected" });
    expect(machine.kinds()).toEqual(["update_started", "service_stopping", "service_started", "updated"]);
    expect(machine.journal.at(-1)?.data).toEqual({ version: "1.1.0", from: "1.0.0" });
  });

  test("is for a listed package of a higher version only", async () => {
    const machine = await machineThat();
    expect(ready(machine, { ...wanted, sha256: "I".repeat(43) })).toEqual({ grant: "package_not_listed" });
    machine.version = "1.1.0";
    expect(ready(machine)).toEqual({ grant: "package_not_newer" });
    machine.version = "1.1.1";
    expect(ready(machine)).toEqual({ grant: "package_not_newer" });
    expect(machine.state.grant).toBeUndefined();
    expect(machine.kinds()).toEqual([]);
  });

  test("is one at a time", async () => {
    const machine = await machineThat();
    ready(machine);
    expect(ready(machine, other)).toEqual({ grant: "update_under_way" });
  });

  test("does not exist where protection does not", async () => {
    const machine = await machineThat();
    machine.supported = false;
    expect(ready(machine)).toEqual({ grant: "unsupported" });
  });

  test("ends after ten minutes, to the millisecond", async () => {
    const machine = await machineThat();
    ready(machine);
    asks(machine);
    machine.run(grantMs / 1000 - 0.001);
    expect(machine.openForInstaller).toBe(true);
    machine.run(0.001);
    expect(machine).toMatchObject({ protection: "on", guard: "armed", openForInstaller: false });
    expect(machine.journal.at(-1)).toMatchObject({ kind: "update_failed", data: { code: "timed_out" } });
  });

  test.each([
    { what: "the old version starts again", does: (m: Machine) => m.restart(), code: "rolled_back" },
    { what: "the old version is killed", does: (m: Machine) => m.crash(), code: "rolled_back" },
    {
      what: "the new version starts a second time",
      does: (m: Machine) => {
        replace(m);
        m.crash();
      },
      code: "interrupted",
    },
    {
      what: "another version than the granted one comes",
      does: (m: Machine) => replace(m, "1.2.0"),
      code: "rolled_back",
    },
    {
      what: "the machine was started anew",
      does: (m: Machine) => {
        m.version = wanted.version;
        m.reboot();
      },
      code: "timed_out",
    },
  ])("ends when $what", async ({ does, code }) => {
    const machine = await machineThat();
    ready(machine);
    asks(machine);
    does(machine);
    expect(machine).toMatchObject({ protection: "on", guard: "armed", openForInstaller: false });
    expect(machine.state.grant).toBeUndefined();
    expect(machine.journal.at(-1)).toMatchObject({ kind: "update_failed", data: { code } });
    expect(asks(machine)).toEqual({ installer: "service_protected" });
  });

  test("ends when the config lists the package no longer, unless the installer is at it already", async () => {
    const machine = await machineThat();
    ready(machine);
    await machine.checkIn({ profile: { on: true }, upkeep: { packages: [other] } });
    machine.send({ type: "tick" });
    expect(machine.journal.at(-1)).toMatchObject({ kind: "update_failed", data: { code: "withdrawn" } });
    const another = await machineThat();
    ready(another);
    asks(another);
    await another.checkIn({ profile: { on: true }, upkeep: { packages: [other] } });
    another.send({ type: "tick" });
    expect(another.openForInstaller).toBe(true);
  });

  test("is not ended by somebody who says that the installer has done before anything was replaced", async () => {
    const machine = await machineThat();
    ready(machine);
    machine.send({ type: "installerDone" });
    expect(asks(machine)).toEqual({ installer: "go_on" });
  });

  test("that failed is tried again, later each time", async () => {
    const machine = await machineThat();
    for (const waitMs of [updateRetryMs, 2 * updateRetryMs, 4 * updateRetryMs]) {
      ready(machine);
      machine.send({ type: "updateFailed", package: wanted, code: "installer_1603" });
      expect(machine.state.grant).toBeUndefined();
      expect(wantedUpdate(machine.state, machine.version).is).toBe("failed");
      machine.run(waitMs / 1000 - 1);
      expect(wantedUpdate(machine.state, machine.version).is).toBe("failed");
      machine.run(1);
      expect(wantedUpdate(machine.state, machine.version).is).toBe("package");
    }
    for (let times = 0; times < 40; times++) machine.send({ type: "updateFailed", package: wanted, code: "x" });
    const { untilMs = 0 } = machine.state.failedUpdate ?? {};
    expect(untilMs - machine.state.time.trustedMs).toBe(updateRetryCapMs);
  });
});

describe("during a lift", () => {
  test("an update is no restart: reaching the cluster does not end the lift", async () => {
    const machine = await machineThat();
    machine.redeem(await machine.token());
    ready(machine);
    expect(asks(machine)).toEqual({ installer: "go_on" });
    replace(machine);
    machine.send({ type: "installerDone" });
    await machine.checkIn();
    expect(machine).toMatchObject({ protection: "lifted", guard: "disarmed" });
    machine.restart();
    await machine.checkIn();
    expect(machine.protection).toBe("on");
  });

  test("a start that is no update's ends it, although a grant was given", async () => {
    const machine = await machineThat();
    machine.redeem(await machine.token());
    ready(machine);
    machine.restart();
    await machine.checkIn();
    expect(machine.protection).toBe("on");
  });

  test("the budget goes on, and its end closes all but the way of the installer", async () => {
    const machine = await machineThat();
    machine.redeem(await machine.token({ lift: 120 }));
    ready(machine);
    machine.run(121);
    expect(machine).toMatchObject({ protection: "on", guard: "armed", openForInstaller: false });
    expect(asks(machine)).toEqual({ installer: "go_on" });
    expect(machine.openForInstaller).toBe(true);
  });
});

test("packages that somebody offers are refused within bounds", async () => {
  const machine = await machineThat();
  for (let n = 0; n < 100; n++) machine.send({ type: "packageRefused", data: { code: "package_not_listed" } });
  expect(machine.kinds().length).toBe(20);
});
