import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { logEvents } from "./log-events.ts";

const root = join(import.meta.dirname, "../../../..");
const page = readFileSync(join(root, "docs/event-log.md"), "utf8");
const all = Object.entries(logEvents);

test("the page lists every event in the words in which it is written, and no other", () => {
  const rows = page.split("\n").filter((line) => /^\| \d+ \|/.test(line));
  const wanted = all.map(([name, event]) => {
    const advice = "advice" in event ? event.advice : "";
    return `| ${[event.id, `\`${name}\``, event.severity, event.sentence, advice].join(" | ")} |`.replace(
      "|  |",
      "| |",
    );
  });
  expect(rows).toEqual(wanted);
});

test("no id is used twice, and EventCreate.exe has a text for each", () => {
  const ids = all.map(([, { id }]) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id > 0 && id <= 1000, String(id)).toBe(true);
});

test("every event is told by some part of the agent", () => {
  const source = readdirSync(join(import.meta.dirname, ".."), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/\.(test|fixture)\.ts$|log-events\.ts$/.test(file))
    .map((file) => readFileSync(join(import.meta.dirname, "..", file), "utf8"))
    .join("\n");
  for (const [name] of all) expect(source, name).toContain(`"${name}"`);
});
