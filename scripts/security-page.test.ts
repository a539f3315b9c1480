/**
 * docs/security.md names for each attack the test that tries it. This holds the page to it: no attack without a row, and no
 * row whose test is not there.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const page = readFileSync(join(root, "docs/security.md"), "utf8");

/** What must fail, part by part: the page has a row of exactly this name for each. */
const attacks = {
  Token: [
    "forged",
    "altered",
    "truncated",
    "`alg: none`",
    "HS256 with the public key as secret",
    "`kid` games",
    "an array in `aud`",
    "another cluster's",
    "another tenant's",
    "another agent's",
    "a config used as a token",
    "a token used as a config",
    "expired",
    "revoked while connected",
    "replayed after its expiry",
    "used twice for a second lift",
    "a challenge answered twice",
    "a challenge mistyped",
  ],
  Time: [
    "clock set back",
    "clock set forward",
    "forward, then back",
    "the same with reboots between",
    "a lift stretched by the clock",
    "a lift stretched by reboots",
  ],
  Trust: [
    "a false cluster with a trusted certificate",
    "an old desired config replayed",
    "an old trust bundle replayed",
    "an answer replayed",
    "enrolment through a false server",
    "enrolment into an attacker's own cluster while protected",
    "facts changed to fall under an unprotecting intent",
    "a changed database row",
    "a request replayed",
    "a request replayed with another body",
    "a cloned machine",
  ],
  Machine: [
    "skipping the installer's guard",
    "a foreign MSI that controls our service",
    "editing the service's registry key",
    "killing the process",
    "suspending the process",
    "the pipe squatted",
    "a foreign process on the pipe",
    "a megabyte on the pipe",
    "`NODE_OPTIONS` and its relatives",
    "the inspector",
    "a full disk",
    "a power cut in each write",
  ],
  Cluster: [
    "another tenant's principal on every route",
    "a role widening itself",
    "cross-site request forgery",
    "log-in guessing",
    "an audit entry removed",
    "an audit entry changed",
    "audit entries reordered",
    "the audit log's tail cut",
  ],
};

interface Row {
  readonly attack: string;
  readonly counter: string;
  readonly tests: readonly { readonly file: string; readonly names: readonly string[] }[];
  readonly limit: string;
}

/** The rows of the table beneath a heading of the third level. */
function rowsOf(heading: string): Row[] {
  const [, section = ""] = page.split(`\n### ${heading}\n`);
  const [table = ""] = section.split(/\n#{1,3} /);
  const lines = table.split("\n").filter((line) => line.startsWith("| "));
  return lines.slice(2).map((line) => {
    const [, attack = "", counter = "", cell = "", limit = ""] = line.split("|").map((text) => text.trim());
    return { attack, counter, tests: testsOf(cell), limit };
  });
}

/** A cell is `` `file`: "group › name" ``, several of them separated by `<br>`. */
function testsOf(cell: string): Row["tests"] {
  return cell.split("<br>").map((reference) => {
    const [, file = "", path = ""] = /^`([^`]+)`: "(.+)"$/.exec(reference.trim()) ?? [];
    return { file, names: path.split(" › ") };
  });
}

/** Whether the file holds this as a whole string: the name of a test, a group, a case or a vector. */
function hasName(source: string, name: string): boolean {
  return ['"', "'", "`"].some((quote) => source.includes(`${quote}${name}${quote}`));
}

describe.each(Object.entries(attacks))("%s", (heading, expected) => {
  const rows = rowsOf(heading);

  test("every attack has a row with a counter, and no row is empty", () => {
    const names = rows.map(({ attack }) => attack);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(expected.filter((attack) => !names.includes(attack))).toEqual([]);
    expect(rows.filter(({ counter }) => counter === "")).toEqual([]);
  });

  test.each(rows)("$attack: the test is there", ({ tests }) => {
    for (const { file, names } of tests) {
      expect(existsSync(join(root, file)) && file !== "", file).toBe(true);
      const source = readFileSync(join(root, file), "utf8");
      expect([file, names.filter((name) => !hasName(source, name))]).toEqual([file, []]);
    }
  });
});

test("what is promised stands there in the words of the promise", () => {
  for (const sentence of [
    "- *Refused* to an elevated administrator: `sc`, `net`, services.msc, `reg`, deleting or replacing files, `msiexec`.",
    "- *Undone and reported within 60 seconds*: killing the process, taking ownership, changes made as SYSTEM.",
    "- *Noticed by the cluster only*: suspending the process, a driver, an offline disk.",
  ])
    expect(page).toContain(sentence);
});
