/** Guarding and giving back, cut off at every step that there is: whatever is left, all comes back exactly. */
import { describe, expect, test } from "vitest";
import { PowerCut } from "../../store/disk.fixture.ts";
import { type FakeMachine, ordinaryKey, twoVendors } from "./fake-services.fixture.ts";

describe("cut off at any step", () => {
  /** Every kind of step that there is. */
  function live(machine: FakeMachine): void {
    const ask = (act: () => void) => {
      act();
      // What failed because the process is gone is no answer.
      if (machine.disk.dead) throw new PowerCut();
    };
    ask(() => machine.others.arm(["Sysmon64"]));
    ask(() => machine.others.arm(["Sysmon64", "osqueryd"]));
    machine.change("Sysmon64", "key\\Parameters", ordinaryKey);
    ask(() => machine.others.look());
    ask(() => machine.others.arm(["osqueryd"]));
    ask(() => machine.others.disarm(["osqueryd"]));
    ask(() => machine.others.arm(["Sysmon64", "osqueryd"]));
    machine.start(true);
    ask(() => machine.others.arm(["Sysmon64", "osqueryd"]));
    ask(() => machine.others.disarm(undefined));
  }

  function story(): FakeMachine {
    const machine = twoVendors();
    machine.start(false);
    return machine;
  }

  function check(machine: FakeMachine, before: unknown, place: string): void {
    machine.cut = undefined;
    for (const names of [["Sysmon64", "osqueryd"], undefined]) {
      machine.start();
      machine.others.arm(names);
      for (const [name, state] of Object.entries(machine.report())) expect(state, `${place}: ${name}`).toBe("guarded");
      if (names) expect(machine.others.touched(), place).toHaveLength(2);
    }
    machine.start();
    machine.others.disarm(undefined);
    expect(machine.state(), place).toEqual(before);
    expect(machine.others.touched(), place).toEqual([]);
  }

  test("the process ends before or after each change: all comes back exactly", () => {
    const counting = story();
    const before = counting.state();
    live(counting);
    expect(counting.state()).toEqual(before);
    expect(counting.changes).toBeGreaterThan(20);
    for (let at = 0; at < counting.changes; at++) {
      for (const how of ["before", "after"] as const) {
        for (const unflushed of ["kept", "lost"] as const) {
          const machine = story();
          machine.cut = { at, how };
          const place = `${how} change ${at}, unflushed ${unflushed}`;
          expect(() => live(machine), place).toThrow(PowerCut);
          machine.disk.powerOn(unflushed);
          check(machine, before, place);
        }
      }
    }
  });

  test("the power is cut at each write, flush and rename of the originals: all comes back exactly", () => {
    const counting = story();
    const before = counting.state();
    live(counting);
    expect(counting.disk.operations).toBeGreaterThan(20);
    for (let at = 0; at < counting.disk.operations; at++) {
      // After one is before the next; only a write can be torn.
      for (const how of counting.disk.writes.has(at) ? (["before", "torn"] as const) : (["before"] as const)) {
        for (const unflushed of ["kept", "content_lost", "lost"] as const) {
          const machine = story();
          machine.disk.cut = { at, how };
          const place = `${how} operation ${at}, unflushed ${unflushed}`;
          expect(() => live(machine), place).toThrow(PowerCut);
          machine.disk.powerOn(unflushed);
          check(machine, before, place);
        }
      }
    }
  });
});
