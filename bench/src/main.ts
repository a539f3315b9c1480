import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { toUnixSeconds } from "@postern/token";
import { contest, type Result } from "./contest.ts";
import { tokenContest } from "./token.ts";

const help = `Usage: npm run bench -- token [--rounds N] [--json FILE]

  token   mint and verify per second, beside raw Ed25519 and other libraries, in one run

  --rounds N    rounds of 100 ms for each contestant (15)
  --json FILE   write the figures there as well`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "15" }, json: { type: "string" }, help: { type: "boolean" } },
});
const rounds = Number(values.rounds);
if (values.help || positionals.length !== 1 || positionals[0] !== "token" || !(rounds >= 1)) {
  console.error(help);
  process.exit(values.help ? 0 : 2);
}

const effort = { rounds, roundMs: 100 };
const { mint, verify } = await tokenContest(toUnixSeconds(Date.now()));
const results = { mint: await contest(mint, effort), verify: await contest(verify, effort) };
console.log(formatTable(results));
if (values.json) writeFileSync(values.json, `${JSON.stringify({ node: process.version, rounds, results }, null, 2)}\n`);

function formatTable(tables: Readonly<Record<string, readonly Result[]>>): string {
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i < 2 ? cell.padEnd(i === 0 ? 7 : 25) : cell.padStart(12))).join(" | ")} |`;
  const lines = [row(["", "", "per second", "of raw"]), row(["---", "---", "---:", "---:"])];
  for (const [what, results] of Object.entries(tables)) {
    for (const { name, perSecond, ratio } of results) {
      lines.push(row([what, name, Math.round(perSecond).toLocaleString("en"), ratio.toFixed(2)]));
    }
  }
  return lines.join("\n");
}
