import { expect, test } from "vitest";
import { descriptorDrift, inheritsAll, isClosed, opened, ownerOf, sameAccess, sameDacl } from "./descriptor-text.ts";

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
  ["an entry that only others inherit", "D:AI(A;ID;FA;;;SY)(A;OICIIOID;0x1200a9;;;BA)", false],
])("a file with %s", (_, file, same) => {
  expect(sameAccess(file, folder)).toBe(same);
});

test.each([
  ["as it was set", `O:SY${wanted}`, undefined],
  ["taken by the administrators", `O:BA${wanted}`, "owner"],
  ["taken by one of them", `O:S-1-5-21-1-2-3-500${wanted}`, "owner"],
  ["without an owner", wanted, "owner"],
  ["taken and opened", "O:BAD:P(A;CI;KA;;;BA)", "descriptor"],
])("what is SYSTEM's, %s", (_, found, drift) => {
  expect(descriptorDrift(found, `O:SY${wanted}`)).toBe(drift);
});

test("a descriptor is closed to what the parent gives, or open", () => {
  expect(isClosed(`O:SY${wanted}`)).toBe(true);
  expect(isClosed("O:SYD:PAI(A;;KA;;;SY)")).toBe(true);
  expect(isClosed(opened(`O:SY${wanted}`))).toBe(false);
  expect(sameDacl(opened(wanted), "D:AI(A;CI;KA;;;SY)(A;CI;KR;;;BA)")).toBe(true);
});

test("where no owner is wanted, every one will do", () => {
  expect(descriptorDrift(`O:BA${wanted}`, wanted)).toBeUndefined();
  expect(ownerOf(`O:S-1-5-21-1-2-3-500G:SY${wanted}`)).toBe("S-1-5-21-1-2-3-500");
});

test.each([
  ["what the parent gives", "O:BAD:AI(A;CIID;KA;;;SY)(A;CIIOID;KA;;;CO)", true],
  ["something of its own beside it", "O:BAD:AI(A;;KA;;;WD)(A;CIID;KA;;;SY)", false],
  ["nothing of the parent's", "O:BAD:P(A;CI;KA;;;SY)", false],
  ["no DACL", "O:BAD:NO_ACCESS_CONTROL", false],
])("with %s", (_, sddl, all) => {
  expect(inheritsAll(sddl)).toBe(all);
});
