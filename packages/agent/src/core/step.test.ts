import { beforeAll, describe, expect, test } from "vitest";
import { type Authority, fakeAuthority } from "../authority.fixture.ts";
import { Machine } from "./machine.fixture.ts";

let authority: Authority;
beforeAll(() => {
  authority = fakeAuthority();
});

/** A machine in each of the states, by what led there. */
async function machineIn(state: "off" | "on" | "lifted" | "carried"): Promise<Machine> {
  const machine = await Machine.enrolled(authority, { on: state !== "off" });
  if (state === "lifted" || state === "carried") {
    expect(machine.present(await machine.token())).toBe("redeemed");
  }
  if (state === "carried") machine.restart();
  machine.journal.length = 0;
  return machine;
}

describe("every transition", () => {
  test.each([
    { from: "off", what: "config on", to: "on", journal: ["protection_on"], guard: "armed" },
    { from: "on", what: "config on", to: "on", journal: [], guard: "armed" },
    { from: "lifted", what: "config on", to: "lifted", journal: [], guard: "disarmed" },
    { from: "carried", what: "config on", to: "on", journal: ["rearmed"], guard: "armed" },
    { from: "off", what: "config off", to: "off", journal: [], guard: "untouched" },
    { from: "on", what: "config off", to: "off", journal: ["protection_off"], guard: "disarmed" },
    { from: "lifted", what: "config off", to: "off", journal: ["protection_off"], guard: "disarmed" },
    { from: "carried", what: "config off", to: "off", journal: ["protection_off"], guard: "disarmed" },
    { from: "off", what: "cluster reached", to: "off", journal: [], guard: "untouched" },
    { from: "on", what: "cluster reached", to: "on", journal: [], guard: "armed" },
    { from: "lifted", what: "cluster reached", to: "lifted", journal: [], guard: "disarmed" },
    { from: "carried", what: "cluster reached", to: "on", journal: ["rearmed"], guard: "armed" },
    { from: "off", what: "token", to: "off", journal: ["refused"], guard: "untouched" },
    { from: "on", what: "token", to: "lifted", journal: ["redeemed"], guard: "disarmed" },
    { from: "lifted", what: "token", to: "lifted", journal: ["redeemed"], guard: "disarmed" },
    { from: "carried", what: "token", to: "lifted", journal: ["redeemed"], guard: "disarmed" },
    { from: "off", what: "protect", to: "off", journal: [], guard: "untouched" },
    { from: "on", what: "protect", to: "on", journal: [], guard: "armed" },
    { from: "lifted", what: "protect", to: "on", journal: ["rearmed"], guard: "armed" },
    { from: "carried", what: "protect", to: "on", journal: ["rearmed"], guard: "armed" },
    { from: "off", what: "time", to: "off", journal: [], guard: "untouched" },
    { from: "on", what: "time", to: "on", journal: [], guard: "armed" },
    { from: "lifted", what: "time", to: "on", journal: ["rearmed"], guard: "armed" },
    { from: "carried", what: "time", to: "on", journal: ["rearmed"], guard: "armed" },
    { from: "off", what: "restart", to: "off", journal: ["service_stopping", "service_started"], guard: "disarmed" },
    { from: "on", what: "restart", to: "on", journal: ["service_stopping", "service_started"], guard: "armed" },
    {
      from: "lifted",
      what: "restart",
      to: "lifted",
      journal: ["service_stopping", "service_started"],
      guard: "disarmed",
    },
    {
      from: "carried",
      what: "restart",
      to: "lifted",
      journal: ["service_stopping", "service_started"],
      guard: "disarmed",
    },
  ] as const)("$from, $what: $to", async ({ from, what, to, journal, guard }) => {
    const machine = await machineIn(from);
    if (from === "off") machine.guard = "untouched";
    switch (what) {
      case "config on":
        await machine.checkIn({ profile: { on: true } });
        break;
      case "config off":
        await machine.checkIn({ profile: { on: false } });
        break;
      case "cluster reached":
        await machine.checkIn();
        break;
      case "token":
        machine.redeem(await machine.token());
        break;
      case "protect":
        machine.send({ type: "protect" });
        break;
      case "time":
        machine.run(14_401);
        break;
      case "restart":
        machine.restart();
    }
    expect(machine.protection).toBe(to);
    expect(machine.kinds()).toEqual(journal);
    expect(machine.guard).toBe(guard);
    expect(machine.persisted.protection).toEqual(machine.state.protection);
  });
});

describe("a lift", () => {
  test("is durable before it is in force, and in force before it is told", async () => {
    const machine = await machineIn("on");
    machine.redeem(await machine.token());
    expect(machine.effects.map(({ type }) => type)).toEqual(["journal", "persist", "disarm", "checkIn"]);
  });

  test.each([
    { token: 14_400, profile: 3_600, lift: 3_600 },
    { token: 600, profile: 3_600, lift: 600 },
  ])("is the smaller of the token's $token and the profile's $profile", async ({ token, profile, lift }) => {
    const machine = await Machine.enrolled(authority, { liftSeconds: profile });
    expect(machine.redeem(await machine.token({ lift: token }))).toMatchObject({ leftSeconds: lift });
    machine.run(lift - 1);
    expect(machine.protection).toBe("lifted");
    machine.run(1);
    expect(machine.protection).toBe("on");
  });

  test("is not cut short by check-ins of a process that has not restarted", async () => {
    const machine = await machineIn("lifted");
    for (let i = 0; i < 100; i++) {
      machine.run(45);
      await machine.checkIn();
    }
    expect(machine.protection).toBe("lifted");
  });

  test("holds over a restart without connection, and ends with one", async () => {
    const machine = await machineIn("lifted");
    machine.reboot();
    machine.run(600);
    expect(machine.protection).toBe("lifted");
    await machine.checkIn();
    expect(machine.protection).toBe("on");
    expect(machine.journal.at(-1)).toMatchObject({ kind: "rearmed", data: { cause: "restarted_and_reached" } });
  });

  test("ends on reaching the cluster even when the config in the answer is refused", async () => {
    const machine = await machineIn("carried");
    const nonce = `${"B".repeat(21)}A`;
    const config = await fakeAuthority().config(machine.state.rev + 1, 1, { on: false });
    const answer = await authority.answer({ nonce, iat: machine.trueMs / 1000, rev: machine.state.rev + 1, config });
    machine.answered(machine.receive(answer, nonce));
    expect(machine.protection).toBe("on");
    expect(machine.state.refusedConfig).toEqual({ rev: machine.state.rev + 1, code: "unknown_key" });
    expect(machine.kinds()).toEqual(["config_refused", "rearmed"]);
  });

  test("costs 60 seconds for each service start", async () => {
    const machine = await machineIn("lifted");
    machine.crash();
    expect(machine.leftSeconds).toBe(14_400 - 60);
    for (let i = 0; i < 300; i++) machine.crash();
    expect(machine.protection).toBe("on");
  });

  test("does not move with the system clock", async () => {
    const machine = await machineIn("lifted");
    machine.clockOffsetMs = -86_400_000;
    machine.run(7_200);
    machine.clockOffsetMs = 86_400_000;
    machine.run(7_199);
    expect(machine.protection).toBe("lifted");
    machine.run(1);
    expect(machine.protection).toBe("on");
  });

  test("stays as long as it was when the profile changes meanwhile", async () => {
    const machine = await machineIn("lifted");
    await machine.checkIn({ profile: { liftSeconds: 86_400 } });
    machine.run(14_400);
    expect(machine.protection).toBe("on");
  });
});

describe("the same token again", () => {
  test("resumes what is left, never a second lift", async () => {
    const machine = await machineIn("on");
    const token = await machine.token({ lift: 700 });
    machine.redeem(token);
    machine.run(300);
    machine.restart();
    await machine.checkIn();
    expect(machine.protection).toBe("on");
    expect(machine.redeem(token)).toMatchObject({ accepted: "resumed", leftSeconds: 340 });
    machine.run(340);
    expect(machine.protection).toBe("on");
    expect(machine.present(token)).toBe("already_used");
  });

  test("changes nothing while its lift runs", async () => {
    const machine = await machineIn("on");
    const token = await machine.token();
    machine.redeem(token);
    machine.run(60);
    machine.journal.length = 0;
    expect(machine.redeem(token)).toMatchObject({ accepted: "running", leftSeconds: 14_340 });
    expect(machine.journal).toEqual([]);
  });

  test("is refused after -protect, which spends it", async () => {
    const machine = await machineIn("on");
    const token = await machine.token();
    machine.redeem(token);
    expect(machine.send({ type: "protect" })).toEqual({ protect: "on" });
    expect(machine.present(token)).toBe("already_used");
  });

  test("is refused where the profile wants single use", async () => {
    const machine = await Machine.enrolled(authority, { singleUse: true });
    const token = await machine.token();
    expect(machine.present(token)).toBe("redeemed");
    expect(machine.present(token)).toBe("already_used");
    expect(machine.protection).toBe("lifted");
  });

  test("is refused once it has expired, with anything left or not", async () => {
    const machine = await machineIn("on");
    const token = await machine.token();
    machine.redeem(token);
    machine.run(900);
    expect(machine.present(token)).toBe("expired");
  });

  test("does not add to another one's lift", async () => {
    const machine = await machineIn("on");
    const [first, second] = [await machine.token({ lift: 500 }), await machine.token({ lift: 300 })];
    machine.redeem(first);
    machine.run(100);
    expect(machine.redeem(second)).toMatchObject({ accepted: "redeemed", leftSeconds: 300 });
    machine.run(300);
    expect(machine.protection).toBe("on");
    expect(machine.redeem(first)).toMatchObject({ accepted: "resumed", leftSeconds: 400 });
  });
});

describe("refusals", () => {
  test("revoked while connected", async () => {
    const machine = await machineIn("on");
    const jti = "01932000-0000-7000-8000-000000000001";
    const token = await machine.token({ jti });
    await machine.checkIn({ revoked: [jti] });
    expect(machine.present(token)).toBe("revoked");
    machine.reboot();
    expect(machine.present(token)).toBe("revoked");
    expect(machine.journal.at(-1)).toEqual({ kind: "refused", data: { reason: "revoked", jti } });
  });

  test("name the token's id only when its signature was verified", async () => {
    const machine = await machineIn("on");
    const token = await machine.token();
    machine.redeem(`${token.slice(0, -10)}${"A".repeat(10)}`);
    machine.redeem(await fakeAuthority().token(machine.trueMs / 1000));
    machine.redeem("nonsense");
    machine.run(900);
    machine.redeem(token);
    expect(machine.journal.filter(({ kind }) => kind === "refused").map(({ data }) => data)).toEqual([
      { reason: "bad_signature" },
      { reason: "unknown_key" },
      { reason: "malformed" },
      { reason: "expired", jti: expect.any(String) },
    ]);
  });

  test("leave protection as it was, and are told at once", async () => {
    const machine = await machineIn("on");
    machine.redeem("nonsense");
    expect(machine.effects.map(({ type }) => type)).toEqual(["journal", "checkIn"]);
    expect(machine.protection).toBe("on");
  });

  test("where service protection does not exist", async () => {
    const machine = await Machine.enrolled(authority);
    machine.supported = false;
    machine.restart();
    await machine.checkIn({ profile: { on: true } });
    expect(machine.protection).toBe("off");
    expect(machine.present(await machine.token())).toBe("not_protected");
  });

  test("a loop of them is counted, not journaled one by one; the signed ones keep their own quota", async () => {
    const machine = await machineIn("on");
    for (let i = 0; i < 1000; i++) machine.redeem("nonsense");
    expect(machine.journal).toHaveLength(20);
    const revoked = "01932000-0000-7000-8000-000000000002";
    await machine.checkIn({ revoked: [revoked] });
    machine.redeem(await machine.token({ jti: revoked }));
    expect(machine.journal.at(-1)).toEqual({ kind: "refused", data: { reason: "revoked", jti: revoked } });
    machine.run(60);
    expect(machine.journal.at(-1)).toEqual({ kind: "refused", data: { reason: "malformed", unrecorded: 979 } });
    expect(machine.journal).toHaveLength(22);
    machine.run(3600);
    expect(machine.journal).toHaveLength(22);
  });

  test("restarts do not refill the quota, and a full journal holds back what a local user can cause", async () => {
    const machine = await machineIn("on");
    for (let i = 0; i < 30; i++) {
      machine.redeem("nonsense");
      machine.restart();
    }
    expect(machine.kinds().filter((kind) => kind === "refused")).toHaveLength(20);
    expect(machine.kinds().filter((kind) => kind.startsWith("service_"))).toHaveLength(19);
    machine.journalFull = true;
    machine.run(3600);
    const before = machine.journal.length;
    machine.redeem("nonsense");
    machine.redeem(await machine.token());
    expect(machine.journal.slice(before).map(({ kind }) => kind)).toEqual(["redeemed"]);
  });
});

describe("config", () => {
  test("a refused one is journaled once and reported, and changes nothing", async () => {
    const machine = await machineIn("on");
    const nonce = "A".repeat(22);
    const rev = machine.state.rev + 5;
    for (const _ of [1, 2, 3]) {
      const config = await authority.config(rev - 1, 1, { on: false });
      const answer = await authority.answer({ nonce, iat: machine.trueMs / 1000, rev, config });
      machine.answered(machine.receive(answer, nonce));
    }
    expect(machine.protection).toBe("on");
    expect(machine.state.refusedConfig).toEqual({ rev, code: "stale_revision" });
    expect(machine.kinds()).toEqual(["config_refused"]);
    await machine.checkIn({ profile: { on: true } });
    expect(machine.state.refusedConfig).toBeUndefined();
  });

  test("an old one replayed is refused", async () => {
    const machine = await machineIn("off");
    const old = await authority.config(machine.state.rev, machine.trueMs / 1000, { on: false });
    await machine.checkIn({ profile: { on: true } });
    const nonce = "A".repeat(22);
    const answer = await authority.answer({ nonce, iat: machine.trueMs / 1000, rev: 1, config: old });
    machine.answered(machine.receive(answer, nonce));
    expect(machine.protection).toBe("on");
  });
});

test("boot rises with each start, whatever the clock says", async () => {
  const machine = await machineIn("on");
  const boots = [machine.state.boot];
  machine.reboot(30, 86_400 * 365);
  boots.push(machine.state.boot);
  machine.reboot(30, -86_400 * 700);
  boots.push(machine.state.boot);
  machine.crash();
  boots.push(machine.state.boot);
  expect(boots).toEqual([...new Set(boots)].sort((a, b) => a - b));
});

test("all that a config says is kept over a restart, and the next config is the whole truth again", async () => {
  const machine = await machineIn("on");
  const upkeep = {
    desiredVersion: "1.4.2",
    urls: ["https://cluster.example.com"],
    packages: [{ version: "1.4.2", sha256: "A".repeat(43), size: 1, path: "/agent.msi" }],
  };
  await machine.checkIn({ profile: { services: ["Sysmon64"] }, upkeep });
  machine.restart();
  expect(machine.state.profile.services).toEqual(["Sysmon64"]);
  expect(machine.state.upkeep).toEqual(upkeep);
  await machine.checkIn({ profile: {} });
  machine.restart();
  expect(machine.state.profile.services).toBeUndefined();
  expect(machine.state.upkeep).toEqual({});
});
