import { fitsJournal } from "@postern/protocol";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { type Authority, fakeAuthority } from "../authority.fixture.ts";
import { Machine } from "./machine.fixture.ts";

let authority: Authority;
let machine: Machine;
beforeAll(() => {
  authority = fakeAuthority();
});
beforeEach(async () => {
  machine = await Machine.enrolled(authority, { on: true });
  machine.journal.length = 0;
});

const hour = 3600;

test("the first change of a layer is journaled and told at once", () => {
  drift("serviceKeyDacl");
  expect(machine.journal).toEqual([
    { kind: "drift", data: { layer: "serviceKeyDacl", found: "descriptor", setBack: true } },
  ]);
  expect(machine.effects).toContainEqual({ type: "checkIn" });
});

test("a layer that is written again and again is told of once an hour, with how often", () => {
  for (let minute = 0; minute < 150; minute++) {
    drift("serviceConfig");
    machine.run(60);
  }
  expect(machine.journal.map(({ data }) => data["unrecorded"])).toEqual([undefined, 58, 59]);
});

test("another layer has an hour of its own", () => {
  drift("serviceConfig");
  drift("processDacl");
  expect(machine.journal.map(({ data }) => data["layer"])).toEqual(["serviceConfig", "processDacl"]);
});

test("what was only counted is told when the hour is over, though nothing more happens", () => {
  drift("serviceConfig");
  drift("serviceConfig");
  drift("serviceConfig");
  machine.run(hour - 60);
  expect(machine.journal).toHaveLength(1);
  machine.run(60);
  expect(machine.journal).toHaveLength(2);
  expect(machine.journal[1]?.data).toMatchObject({ layer: "serviceConfig", unrecorded: 1 });
  machine.run(3 * hour);
  expect(machine.journal).toHaveLength(2);
});

test("a journal that nobody fetches is not filled, and told of it when there is room again", () => {
  machine.journalFull = true;
  drift("serviceConfig");
  drift("serviceConfig");
  machine.run(60);
  expect(machine.journal).toEqual([]);
  machine.journalFull = false;
  machine.run(30);
  expect(machine.journal.map(({ data }) => data["unrecorded"])).toEqual([1]);
});

test.each(["\u0001", "\\", "語", "\ud800"])("made of %j, what he changed fits the journal", (character) => {
  const name = character.repeat(255);
  machine.send({
    type: "drifted",
    drifts: [{ layer: "serviceKeyDacl", found: name, setBack: false }],
  });
  const [entry] = machine.journal;
  expect(entry && fitsJournal(entry.data as Record<string, string>)).toBe(true);
});

function drift(layer: string): void {
  machine.send({ type: "drifted", drifts: [{ layer, found: "descriptor", setBack: true }] });
}
