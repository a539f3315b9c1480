import { expect, test } from "vitest";
import { asVersion } from "./executable.ts";

const line = 'const POSTERN_VERSION = "1.2.3";';

test("the same program under another version differs in it and in nothing else", () => {
  const program = Buffer.from(`before 1.2.3 ${line} after`);
  expect(asVersion(program, "1.2.3", "1.2.4").toString()).toBe('before 1.2.3 const POSTERN_VERSION = "1.2.4"; after\0');
  expect(program.toString()).toContain(line);
});

test.each([
  { what: "a longer version", program: line, to: "1.2.10" },
  { what: "a program that names it twice", program: line + line, to: "1.2.4" },
  { what: "a program that does not name it", program: "1.2.3", to: "1.2.4" },
])("$what is refused", ({ program, to }) => {
  expect(() => asVersion(Buffer.from(program), "1.2.3", to)).toThrow("does not name version 1.2.3");
});
