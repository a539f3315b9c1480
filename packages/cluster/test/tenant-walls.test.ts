import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Case, columns, WallsScene } from "./tenant-walls-scene.ts";

// Vitest wants the list of tests before anything runs, so the clusters that give it are started here.
const scenes = [await WallsScene.open("saas"), await WallsScene.open("on-prem")] as const;
const [saas, onPrem] = scenes;
const written = readVerdicts(readFileSync(join(import.meta.dirname, "tenant-walls.verdicts.txt"), "utf8"));
const cases = saas.cases();

afterAll(async () => {
  for (const scene of scenes) await scene.close();
});

/** The lines of the table by the words that they begin with. */
function readVerdicts(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.split(/\s{2,}/, 1)[0] ?? "", line.replaceAll(/\s+/g, " ")]));
}

/** The line of an operation as the clusters answer it. */
async function lineOf(case_: Case): Promise<string> {
  const onPremCase = onPrem.cases().find(({ name }) => name === case_.name) ?? case_;
  const words: string[] = [];
  const keys = new Set<string>();
  for (const column of columns) {
    const bothDeployments: string[] = [];
    for (const [scene, one] of [
      [saas, case_],
      [onPrem, onPremCase],
    ] as const) {
      const byLogin = await scene.verdict(one, column, "login");
      const byKey = await scene.verdict(one, column, "key");
      bothDeployments.push(byLogin);
      keys.add(byKey === byLogin ? "same" : byKey);
    }
    const [first, second] = bothDeployments;
    words.push(first === second ? String(first) : `${first}/${second}`);
  }
  words.push(await saas.verdictOnNobody(case_));
  // Where a key is refused everywhere, it is also refused where the log-in is.
  const ofKeys = keys.size > 1 && keys.has("same") ? [...keys].filter((one) => one !== "same") : [...keys];
  words.push(ofKeys.join("/"));
  return `${case_.name} ${words.join(" ")}`;
}

describe("who is answered what", () => {
  test.each(cases)("$name", async (case_) => {
    const found = await lineOf(case_);
    const hint = `Judge this line, and put it into test/tenant-walls.verdicts.txt if it is right:\n${pretty(found)}`;
    expect(found, hint).toBe(written.get(case_.name));
    expect(found).not.toContain("LEAK");
  });
});

test("the table has no line of an operation that is gone", () => {
  const names = cases.map(({ name }) => name);
  expect([...written.keys()].filter((name) => !names.includes(name))).toEqual([]);
});

test("the table has operations of each sort, so that nothing above is empty", () => {
  const all = [...written.values()].join("\n");
  for (const word of [" ok", " 401", " 403", " 404", " empty", "/403", " same"]) expect(all).toContain(word);
  expect(cases.length).toBeGreaterThan(70);
});

/** The words under their headings. */
function pretty(line: string): string {
  const words = line.split(" ");
  const verdicts = words.slice(-(columns.length + 2));
  const name = words.slice(0, -(columns.length + 2)).join(" ");
  return [name.padEnd(54), ...verdicts.map((word) => word.padEnd(10))].join("  ").trimEnd();
}
