import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { problems } from "../src/http/problems.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/api.md"), "utf8");

test("docs/api.md has every code with its status, its meaning and what to do, and no other", () => {
  const rows = Object.entries(problems).map(
    ([code, [status, title, next]]) => `| ${status} | \`${code}\` | ${title} | ${next} |`,
  );
  const [, table = ""] = page.split("| --- | --- | --- | --- |\n");
  expect(table.trimEnd().split("\n")).toEqual(rows);
});
