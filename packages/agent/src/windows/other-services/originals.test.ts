import { expect, test } from "vitest";
import { type Originals, withFound } from "./originals.ts";

const known: Originals = {
  name: "Sysmon64",
  objects: [{ id: "service", descriptor: "D:(the vendor's)" }],
  ours: ["D:P(the guard's)"],
};

test("what is known of a guarded service is never written over, only added to", () => {
  const found: Originals = {
    name: "SYSMON64",
    objects: [
      { id: "service", descriptor: "D:(somebody else's)" },
      { id: "key\\New", descriptor: "D:(new)" },
    ],
    failureActions: { resetSeconds: 1, rebootMessage: "", command: "", actions: [], alsoWithoutCrash: false },
    ours: ["D:P(the guard's)", "D:P(another of the guard's)"],
  };
  expect(withFound(known, found)).toEqual({
    name: "Sysmon64",
    objects: [...known.objects, { id: "key\\New", descriptor: "D:(new)" }],
    ours: found.ours,
  });
});
