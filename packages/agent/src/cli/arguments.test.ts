import { expect, test } from "vitest";
import { parseArguments, UsageError } from "./arguments.ts";

const token = "aaa.bbb.ccc";

test.each([
  { type: `-unprotect ${token}`, run: { run: "unprotect", source: { from: "argument", token } } },
  { type: `--unprotect ${token}`, run: { run: "unprotect", source: { from: "argument", token } } },
  { type: `-Unprotect ${token}`, run: { run: "unprotect", source: { from: "argument", token } } },
  { type: "-unprotect -", run: { run: "unprotect", source: { from: "stdin" } } },
  { type: "-unprotect -file a.txt", run: { run: "unprotect", source: { from: "file", path: "a.txt" } } },
  { type: "-explain --file a.txt", run: { run: "explain", source: { from: "file", path: "a.txt" } } },
  { type: "-protect", run: { run: "protect" } },
  { type: "-status -json", run: { run: "status", json: true } },
  { type: "-status --data /d", run: { run: "status", json: false, dataFolder: "/d" } },
  { type: "-enroll -cluster u -key k", run: { run: "enroll", cluster: "u", key: "k" } },
  {
    type: "-enroll -key - -cluster u -ca c -proxy p",
    run: { run: "enroll", cluster: "u", key: { from: "stdin" }, caFile: "c", proxy: "p" },
  },
  { type: "-service -data /d", run: { run: "service", dataFolder: "/d" } },
  { type: "", run: { run: "help" } },
  { type: "-help", run: { run: "help" } },
  { type: "-help unprotect", run: { run: "help", about: "unprotect" } },
  { type: "-unprotect -help", run: { run: "help", about: "unprotect" } },
  { type: "-version", run: { run: "version" } },
])("$type", ({ type, run }) => {
  expect(parseArguments(type.split(" ").filter(Boolean))).toEqual(run);
});

test.each([
  { type: "-unprotect", says: /needs a token: .*-file PATH/ },
  { type: "-unprotect a b", says: /one word/ },
  { type: "-unprotect a -file b", says: /not both/ },
  { type: "-unprotect -file", says: /-file needs a value/ },
  { type: "-enroll -cluster -key k", says: /-cluster needs a value/ },
  { type: "-protect -status", says: /cannot be used together/ },
  { type: "-protect -json", says: /-json does not belong to -protect/ },
  { type: "-protect now", says: /takes no such value/ },
  { type: "-enroll -cluster u", says: /needs -cluster URL and -key/ },
  { type: "-enroll -key k", says: /needs -cluster URL and -key/ },
  { type: "-unknown", says: /not known/ },
  { type: "protect", says: /No command was given/ },
])("$type is refused with a sentence", ({ type, says }) => {
  expect(() => parseArguments(type.split(" "))).toThrow(UsageError);
  expect(() => parseArguments(type.split(" "))).toThrow(says);
});
