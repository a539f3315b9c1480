import { expect, test } from "vitest";
import { masked, parseScript } from "./command-script.ts";

test("takes commands and their outputs from a script, and leaves comments and blank lines out", () => {
  const steps = parseScript("# first\n$ postern a\none\n\ntwo\n[3]\n\n# second\n$ postern b\n", false);
  expect(steps).toEqual([
    { command: "postern a", from: 2, to: 6, expected: "one\n\ntwo\n[3]" },
    { command: "postern b", from: 9, to: 9, expected: "" },
  ]);
});

test("takes only the console blocks of a page", () => {
  const page = "Text\n$ not this\n```sh\n$ nor this\n```\n```console\n$ this\nout\n```\nmore\n";
  expect(parseScript(page, true).map(({ command, expected }) => [command, expected])).toEqual([["this", "out"]]);
});

test("masks what differs from run to run, and nothing else", () => {
  expect(masked("019a0000-0000-7000-8000-000000000001  at 2026-11-24T08:29:01Z  in 14 min 59 s  tenant Acme")).toBe(
    "<id>  at <time>  in <duration>  tenant Acme",
  );
});
