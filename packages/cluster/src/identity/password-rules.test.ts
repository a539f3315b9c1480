import { expect, test } from "vitest";
import { identityLimits } from "./limits.ts";
import { requireAcceptablePassword } from "./password-rules.ts";

function refusal(password: string, expected: string[] = []): string {
  try {
    requireAcceptablePassword(password, expected);
    return "taken";
  } catch (error) {
    expect(error).toMatchObject({ code: "password_unacceptable" });
    return (error as Error).message;
  }
}

test("fifteen characters are needed, and nothing is asked of them", () => {
  expect(refusal("kvzu wqxj bmrp")).toBe("The password needs 15 characters or more.");
  expect(refusal("kvzu wqxj bmrpt")).toBe("taken");
  expect(refusal("\u{1F98A}\u{1F335}\u{1F9ED}\u{1F6F6}\u{1FA81}\u{1F9C2}\u{1F3BA}")).toContain("needs 15");
});

test("characters are counted after NFKC, each code point as one", () => {
  // Fifteen as typed, but the ligature is two letters and the accents are one letter each with their bases.
  expect(refusal("cafe\u0301 au lai\u0301t xyz")).toBe("taken");
  expect(refusal("e\u0301a\u0301o\u0301u\u0301i\u0301n\u0303c\u0327 ")).toContain("needs 15");
  expect(refusal("\ufb03gh wqxj bmrp")).toBe("taken");
});

test("a password of the greatest length is taken, quickly", () => {
  const sentence = "wenn der Regen \u4e0b\u96e8 quietly falls on \u00c5l\u00f6sund, \u03c0\u03bf\u03c4\u03ad ";
  const start = performance.now();
  expect(refusal(sentence.repeat(10).slice(0, identityLimits.maxPasswordLength))).toBe("taken");
  expect(refusal("aB3".repeat(85))).not.toBe("taken");
  expect(performance.now() - start).toBeLessThan(2_000);
});

test.each([
  "passwordpassword",
  "passwordpassword1",
  "P@ssw0rdP@ssw0rd",
  "qwertyuiopasdfgh",
  "1234567890123456",
  "aaaaaaaaaaaaaaaaaaa",
  "abcdefghijklmnopq",
  "iloveyouiloveyou",
  "letmeinletmeinletmein",
  "Password12345678!",
  "monkeydragonfootball",
])("%s is common or follows a pattern", (password) => {
  expect(refusal(password)).toMatch(/^The password is common/);
});

test.each([
  { password: "quartermaster-2026", expected: ["Quartermaster"] },
  { password: "acme-Postern-2026", expected: ["olga", "Acme"] },
  { password: "postern-postern-postern", expected: [] },
])("$password is little more than expected names", ({ password, expected }) => {
  expect(refusal(password, expected)).toContain("names that anybody would try");
});

test("a name may stand in a sentence, and short names are no reason", () => {
  expect(refusal("the goats of olga never sleep", ["olga"])).toBe("taken");
  expect(refusal("a nice long sentence, at last", ["a", "al"])).toBe("taken");
});
