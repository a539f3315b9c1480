import { encodeChallenge } from "@postern/token";
import { beforeAll, describe, expect, test } from "vitest";
import { type Authority, fakeAuthority } from "../authority.fixture.ts";
import { epoch, Machine } from "./machine.fixture.ts";
import { startTime } from "./trusted-time.ts";

let authority: Authority;
beforeAll(() => {
  authority = fakeAuthority();
});

const day = 86_400;
const text = (last: number) => encodeChallenge(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, last));

describe("at start", () => {
  const at = (seconds: number) => (epoch + seconds) * 1000;
  test.each([
    { what: "the system clock", floor: 0, seen: 0, system: 10, trusted: 10, good: true },
    {
      what: "the floor when the clock is a little behind it",
      floor: 100,
      seen: 0,
      system: 10,
      trusted: 100,
      good: true,
    },
    {
      what: "what was seen when the clock is a little behind it",
      floor: 0,
      seen: 300,
      system: 10,
      trusted: 300,
      good: true,
    },
    { what: "the tolerance itself", floor: 0, seen: 310, system: 10, trusted: 310, good: true },
    { what: "beyond the tolerance: distrust", floor: 0, seen: 311, system: 10, trusted: 10, good: false },
    { what: "distrust, and not before the floor", floor: 900, seen: 1000, system: 10, trusted: 900, good: false },
    { what: "forward as far as the clock says", floor: 0, seen: 0, system: day, trusted: day, good: true },
  ])("$what", ({ floor, seen, system, trusted, good }) => {
    const time = startTime({ floorMs: at(floor), seenMs: at(seen) }, { systemMs: at(system), interruptMs: 5 }, 0);
    expect(time).toMatchObject({ trustedMs: at(trusted), clockTrusted: good, floorMs: at(floor) });
    expect(time.seenMs).toBe(Math.max(at(seen), at(trusted), at(floor)));
  });

  test("it is not before the program was built", () => {
    const time = startTime({ floorMs: 0, seenMs: 0 }, { systemMs: 1000, interruptMs: 0 }, at(0));
    expect(time).toMatchObject({ trustedMs: at(0), floorMs: at(0), clockTrusted: false });
  });
});

describe("attacks on the clock", () => {
  test("set back while the service runs: nothing happens", async () => {
    const machine = await Machine.enrolled(authority);
    const token = await machine.token();
    machine.clockOffsetMs = -day * 1000;
    machine.run(900);
    expect(machine.present(token)).toBe("expired");
  });

  test("set back before a start", async () => {
    const machine = await Machine.enrolled(authority);
    const token = await machine.token();
    machine.run(1000);
    machine.reboot(30, -1030);
    expect(machine.present(token)).toBe("clock_not_trusted");
    await machine.checkIn();
    expect(machine.present(token)).toBe("expired");
  });

  test("a forger is not told of the clock", async () => {
    const machine = await Machine.enrolled(authority);
    machine.reboot(30, -day);
    expect(machine.present(await fakeAuthority().token(epoch))).toBe("unknown_key");
  });

  test("set back by little before each of many starts does not keep a token alive", async () => {
    const machine = await Machine.enrolled(authority);
    machine.reboot(30 * day);
    const token = await machine.token();
    let presented = "";
    for (let i = 0; i < 8; i++) {
      machine.run(290);
      machine.reboot(1, -291);
      presented = machine.state.time.clockTrusted ? "trusted" : "distrusted";
    }
    expect(presented).toBe("distrusted");
    expect(machine.present(token)).toBe("clock_not_trusted");
  });

  test("forward, and forward then back, with reboots: the token's day is over either way", async () => {
    const machine = await Machine.enrolled(authority);
    const token = await machine.token();
    machine.reboot(30, 30 * day);
    expect(machine.present(token)).toBe("expired");
    machine.reboot(30, -30 * day);
    expect(machine.present(token)).toBe("clock_not_trusted");
    machine.reboot();
    expect(machine.present(token)).toBe("clock_not_trusted");
  });

  test("forward then back does not make the agent forget what was used", async () => {
    const machine = await Machine.enrolled(authority);
    const token = await machine.token();
    machine.redeem(token);
    machine.send({ type: "protect" });
    machine.reboot(30, 30 * day);
    machine.run(60);
    machine.reboot(30, -30 * day);
    await machine.checkIn();
    expect(machine.present(token)).toBe("already_used");
  });

  test("forward then back is mended by the cluster, and a fresh token works", async () => {
    const machine = await Machine.enrolled(authority);
    machine.reboot(30, 30 * day);
    machine.reboot(30, -30 * day);
    await machine.checkIn();
    expect(machine.trustedSeconds).toBeCloseTo(machine.trueMs / 1000, -1);
    expect(machine.present(await machine.token())).toBe("redeemed");
  });

  test("an answer held back on its way does not hold time back", async () => {
    const machine = await Machine.enrolled(authority);
    const token = await machine.token();
    const nonce = "A".repeat(22);
    const answer = await authority.answer({ nonce, iat: machine.trueMs / 1000 });
    machine.run(900);
    machine.answered(machine.receive(answer, nonce), 900_000);
    expect(machine.present(token)).toBe("expired");
  });
});

describe("evidence", () => {
  test("a valid answer sets the time up and down, and lets the clock be trusted again", async () => {
    const machine = await Machine.enrolled(authority);
    await machine.checkIn({ clusterSeconds: epoch + 5 * day });
    expect(machine.trustedSeconds).toBe(epoch + 5 * day);
    await machine.checkIn({ clusterSeconds: epoch - 5 * day });
    expect(Math.floor(machine.trustedSeconds)).toBe(epoch - 5 * day);
    expect(Math.floor(machine.state.time.seenMs / 1000)).toBe(epoch - 5 * day);
    machine.reboot(10, 5 * day);
    machine.reboot(10, -5 * day);
    expect(machine.state.time.clockTrusted).toBe(false);
    await machine.checkIn();
    expect(machine.state.time.clockTrusted).toBe(true);
    expect(machine.persisted.time.seenMs).toBeLessThan((epoch + day) * 1000);
  });

  test("an accepted token raises the floor", async () => {
    const machine = await Machine.enrolled(authority);
    machine.reboot(day);
    const floor = machine.state.time.floorMs;
    machine.redeem(await machine.token());
    expect(machine.state.time.floorMs).toBeGreaterThan(floor + day * 900);
  });

  test("a token from the future is refused and does not raise the time to its own", async () => {
    const machine = await Machine.enrolled(authority);
    const token = await authority.token(epoch + 10_000);
    expect(machine.present(token)).toBe("not_yet_valid");
    expect(machine.present(token)).toBe("not_yet_valid");
    expect(machine.trustedSeconds).toBe(epoch);
  });

  test("a cluster's clock up to two minutes ahead is given to nbf, and nothing to exp", async () => {
    const machine = await Machine.enrolled(authority);
    expect(machine.present(await authority.token(epoch + 121))).toBe("not_yet_valid");
    expect(machine.present(await authority.token(epoch - 900))).toBe("expired");
    expect(machine.present(await authority.token(epoch + 120))).toBe("redeemed");
  });
});

describe("a challenge", () => {
  test("replaces the clock, once", async () => {
    const machine = await Machine.enrolled(authority);
    machine.reboot(30, -400 * day);
    machine.send({ type: "challenge", text: text(1) });
    const token = await machine.token({ chg: text(1) });
    expect(machine.present(token)).toBe("redeemed");
    expect(machine.present(token)).toBe("already_used");
    expect(machine.state.time.clockTrusted).toBe(true);
    expect(machine.trustedSeconds).toBe(machine.trueMs / 1000);
  });

  test("is spent by its answer: a second token for it is refused", async () => {
    const machine = await Machine.enrolled(authority);
    machine.send({ type: "challenge", text: text(1) });
    expect(machine.present(await machine.token({ chg: text(1) }))).toBe("redeemed");
    expect(machine.present(await machine.token({ chg: text(1) }))).toBe("challenge_mismatch");
  });

  test.each([
    { what: "another challenge", answer: 2, wait: 0, again: undefined, restart: false },
    { what: "the one before the latest", answer: 1, wait: 0, again: 2, restart: false },
    { what: "after 15 minutes", answer: 1, wait: 900, again: undefined, restart: false },
    { what: "after a restart", answer: 1, wait: 0, again: undefined, restart: true },
  ])("is not answered by $what", async ({ answer, wait, again, restart }) => {
    const machine = await Machine.enrolled(authority);
    machine.send({ type: "challenge", text: text(1) });
    if (again) machine.send({ type: "challenge", text: text(again) });
    const token = await machine.token({ chg: text(answer) });
    if (wait) machine.run(wait);
    if (restart) machine.restart();
    expect(machine.present(token)).toBe("challenge_mismatch");
    expect(machine.protection).toBe("on");
  });

  test("is answered within its last second", async () => {
    const machine = await Machine.enrolled(authority);
    machine.send({ type: "challenge", text: text(1) });
    const token = await machine.token({ chg: text(1) });
    machine.run(899);
    expect(machine.present(token)).toBe("redeemed");
  });

  test("is waited for where the profile requires one", async () => {
    const machine = await Machine.enrolled(authority, { requireChallenge: true });
    expect(machine.present(await machine.token())).toBe("challenge_required");
    machine.send({ type: "challenge", text: text(1) });
    expect(machine.present(await machine.token({ chg: text(1) }))).toBe("redeemed");
  });

  test("answered does not let an agent run slow: time is set from when the token was made", async () => {
    const machine = await Machine.enrolled(authority);
    machine.reboot(30, -400 * day);
    machine.send({ type: "challenge", text: text(1) });
    const token = await machine.token({ chg: text(1) });
    const timed = await machine.token();
    machine.run(600);
    machine.redeem(token);
    expect(machine.trustedSeconds).toBeGreaterThanOrEqual(machine.trueMs / 1000 - 600);
    expect(machine.present(timed)).toBe("redeemed");
  });
});
