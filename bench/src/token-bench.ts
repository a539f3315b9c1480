import { toUnixSeconds } from "@postern/token";
import { contest, type Result } from "./contest.ts";
import type { Table } from "./table.ts";
import { tokenContest } from "./token.ts";

/** Mint and verify per second, each contestant in rounds of 100 ms. */
export async function tokenBench(rounds: number): Promise<Table> {
  const effort = { rounds, roundMs: 100 };
  const { mint, verify } = await tokenContest(toUnixSeconds(Date.now()));
  const rows = (what: string, results: readonly Result[]) =>
    results.map(({ name, perSecond, ratio }) => [what, name, perSecond, ratio]);
  return {
    columns: ["", "who", "per second", "of raw"],
    rows: [...rows("mint", await contest(mint, effort)), ...rows("verify", await contest(verify, effort))],
  };
}
