import { expect, test } from "vitest";
import { sameAccess, sameDacl } from "./descriptor-text.ts";

const wanted = "D:P(A;CI;KA;;;SY)(A;CI;KR;;;BA)";

test.each([
  ["as it was set", wanted, true],
  ["with the flags that Windows adds", "D:PAI(A;CI;KA;;;SY)(A;CI;KR;;;BA)", true],
  ["with an owner", "O:SYG:SYD:P(A;CI;KA;;;SY)(A;CI;KR;;;BA)", true],
  ["no longer protected from what the parent gives", "D:AI(A;CI;KA;;;SY)(A;CI;KR;;;BA)", false],
  ["with a right more", "D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)", false],
  ["with an entry more", `${wanted}(A;CI;KA;;;WD)`, false],
  ["with an entry less", "D:P(A;CI;KA;;;SY)", false],
  ["in another order", "D:P(A;CI;KR;;;BA)(A;CI;KA;;;SY)", false],
  ["with none", "D:P", false],
  ["with none, and so open to all", "D:NO_ACCESS_CONTROL", false],
  ["without a DACL", "O:SY", false],
])("a DACL %s", (_, found, same) => {
  expect(sameDacl(found, wanted)).toBe(same);
});

test("what says nothing is the same as nothing", () => {
  expect(sameDacl("O:SY", "O:SY")).toBe(false);
  expect(sameDacl("D:NO_ACCESS_CONTROL", "D:NO_ACCESS_CONTROL")).toBe(false);
});

const folder = "D:P(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BA)";

test.each([
  ["what its folder gives", "D:AI(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BA)", true],
  ["the same of its own", "D:PAI(A;;FA;;;SY)(A;;0x1200a9;;;BA)", true],
  ["a right of its own beside that", "D:AI(A;;FA;;;BA)(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BA)", false],
  ["less", "D:AI(A;ID;FA;;;SY)", false],
  ["access for everybody", "D:NO_ACCESS_CONTROL", false],
])("a file with %s", (_, file, same) => {
  expect(sameAccess(file, folder)).toBe(same);
});
