import { expect, test } from "vitest";
import { withoutRenamesOf } from "./pending-renames.ts";

const ours = "\\??\\C:\\Program Files\\Postern\\PosternAgent.exe";
const others = ["\\??\\C:\\Windows\\Temp\\a.tmp", "", "\\??\\C:\\b.dll", "!\\??\\C:\\Windows\\b.dll"];

test.each([
  ["a deletion", [ours, ""]],
  ["the source of a rename", [ours, "\\??\\C:\\gone.exe"]],
  ["the target of a rename", ["\\??\\C:\\evil.exe", `!${ours}`]],
  ["a short name before it", ["\\??\\C:\\PROGRA~1\\postern\\koffi.node", ""]],
  ["the folder itself", ["\\??\\C:\\ProgramData\\POSTERN", ""]],
  ["slashes the other way", ["C:/ProgramData/Postern/state", ""]],
])("takes out %s", (_, pair) => {
  expect(withoutRenamesOf("Postern", [...others.slice(0, 2), ...pair, ...others.slice(2)])).toEqual(others);
});

test("leaves what only resembles our name", () => {
  const list = ["\\??\\C:\\Postern Reports\\a.txt", ""];
  expect(withoutRenamesOf("Postern", list)).toEqual(list);
});

test("an end without its pair is dropped", () => {
  expect(withoutRenamesOf("Postern", [...others, "\\??\\C:\\c.dll"])).toEqual(others);
});
