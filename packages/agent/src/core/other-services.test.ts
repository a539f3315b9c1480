import { maxJournalDataBytes } from "@postern/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { type Authority, fakeAuthority } from "../authority.fixture.ts";
import { Machine } from "./machine.fixture.ts";
import { servicesToGuard } from "./other-services.ts";

let authority: Authority;
let machine: Machine;
beforeEach(async () => {
  authority = fakeAuthority();
  machine = await Machine.enrolled(authority, { on: true, services: ["Sysmon64", "osqueryd"] });
});

const setsGuard = () => machine.effects.some(({ type }) => type === "arm" || type === "disarm");
const settled = (...services: [name: string, state: string][]) =>
  machine.send({ type: "othersSettled", services: services.map(([name, state]) => ({ name, state })) });
const leftAlone = () => machine.journal.filter(({ kind }) => kind === "service_left_alone").map(({ data }) => data);

describe("the list of the profile", () => {
  test("changed while protection is on, the guard is set anew", async () => {
    await machine.checkIn({ profile: { on: true, services: ["osqueryd"] } });
    expect(setsGuard()).toBe(true);
    expect(servicesToGuard(machine.state)).toEqual(["osqueryd"]);
    await machine.checkIn({ profile: { on: true } });
    expect(setsGuard()).toBe(true);
    expect(servicesToGuard(machine.state)).toEqual([]);
  });

  test("in another order and another case it is the same list", async () => {
    await machine.checkIn({ profile: { on: true, services: ["OSQUERYD", "sysmon64"] } });
    expect(setsGuard()).toBe(false);
  });

  test("changed while lifted, nothing is guarded until protection is back", async () => {
    expect(machine.present(await machine.token())).toBe("redeemed");
    await machine.checkIn({ profile: { on: true, services: ["osqueryd"] } });
    expect(setsGuard()).toBe(false);
    machine.send({ type: "protect" });
    expect(setsGuard()).toBe(true);
    expect(servicesToGuard(machine.state)).toEqual(["osqueryd"]);
  });

  test("of a state that was lost nobody knows it", () => {
    expect(servicesToGuard({ ...machine.state, rev: 0 })).toBeUndefined();
  });
});

describe("services that are left alone", () => {
  test("each is journaled with its reason, once for each reason, and told at once", () => {
    settled(["Sysmon64", "guarded"], ["osqueryd", "not_present"], ["WinDefend", "refused_protected_process"]);
    expect(machine.effects.some(({ type }) => type === "checkIn")).toBe(true);
    settled(["OSQUERYD", "not_present"], ["WinDefend", "refused_protected_process"], ["Sysmon64", "not_guarded"]);
    settled(["osqueryd", "foreign_descriptor"]);
    expect(leftAlone()).toEqual([
      { service: "osqueryd", reason: "not_present" },
      { service: "WinDefend", reason: "refused_protected_process" },
      { service: "osqueryd", reason: "foreign_descriptor" },
    ]);
  });

  test("a journal without room hears of it later", () => {
    machine.journalFull = true;
    settled(["osqueryd", "not_present"]);
    expect(leftAlone()).toEqual([]);
    machine.journalFull = false;
    settled(["osqueryd", "not_present"]);
    expect(leftAlone()).toHaveLength(1);
  });
});

describe("drift of services", () => {
  const drifted = (service: string) =>
    machine.send({
      type: "drifted",
      drifts: [{ layer: "otherServices", service, found: "key descriptor", setBack: true }],
    });
  const drifts = () => machine.journal.filter(({ kind }) => kind === "drift").map(({ data }) => data["service"]);

  test("is journaled by name, and each service has an hour of its own", () => {
    drifted("Sysmon64");
    drifted("osqueryd");
    drifted("Sysmon64");
    expect(drifts()).toEqual(["Sysmon64", "osqueryd"]);
    machine.run(3601);
    expect(drifts()).toEqual(["Sysmon64", "osqueryd", "Sysmon64"]);
  });

  test("the longest of all names fits an entry", () => {
    const name = "\\".repeat(256);
    const found = "\\".repeat(100);
    machine.send({ type: "drifted", drifts: [{ layer: "otherServices", service: name, found, setBack: false }] });
    settled([name, "refused_protected_process"]);
    for (const { data } of machine.journal.slice(-2))
      expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThan(maxJournalDataBytes - 40);
  });
});
