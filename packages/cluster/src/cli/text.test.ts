import { expect, test } from "vitest";
import { asDetail, asJson, asTable, visible } from "./text.ts";

test.each([
  ["\u001b]0;owned\u0007", "\\u001b]0;owned\\u0007"],
  ["a\u202egnp.exe", "a\\u202egnp.exe"],
  ["one\ntwo\rthree", "one\\u000atwo\\u000dthree"],
  ["csi \u009b31m", "csi \\u009b31m"],
  ["tag \u{e0041}", "tag \\udb40\\udc41"],
  ["WS-ZÜRICH-07", "WS-ZÜRICH-07"],
])("shows %j without anything that a terminal obeys", (text, shown) => {
  expect(visible(text)).toBe(shown);
});

test("JSON is the same data, and no terminal obeys it", () => {
  const value = { hostName: "\u001b[2J\u009b31m\u202e \u{e0041}", list: [1, "two"] };
  const json = asJson(value);
  expect(json.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(JSON.parse(json)).toEqual(value);
});

test("a table's columns are as wide as they must be, and unknown values show", () => {
  const columns = [
    { heading: "HOST", value: (row: { host: string; version?: string }) => row.host },
    { heading: "VERSION", value: (row: { host: string; version?: string }) => row.version },
  ];
  expect(asTable([{ host: "WS-1", version: "0.1.0" }, { host: "LONGER-NAME" }], columns)).toBe(
    ["HOST         VERSION", "WS-1         0.1.0", "LONGER-NAME  -", ""].join("\n"),
  );
});

test("a detail leaves out what is not known", () => {
  expect(
    asDetail([
      ["id", "7"],
      ["name", undefined],
      ["host", "a\nb"],
    ]),
  ).toBe("id    7\nhost  a\\u000ab\n");
});
