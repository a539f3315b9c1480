import type { TestDatabase } from "../test-database.fixture.ts";
import { listedColumns } from "./listed.ts";

/**
 * What a test leaves behind: whatever it did with agents, their rows of the list say the same as their own.
 *
 * @throws {Error} with the agents of which that is not so
 */
export async function requireListed(database: TestDatabase): Promise<void> {
  const differs = listedColumns.map((name) => `agent.${name} is distinct from listed.${name}`).join(" or ");
  const order = `case coalesce(agent.protection_state, '') when '' then 0 when 'off' then 1 when 'lifted' then 2
    when 'on' then 3 else 4 end <> listed.protection_order`;
  const rows = await database.query(
    `select agent.id from agent left join listed_agent as listed on listed.id = agent.id where ${differs} or ${order}`,
  );
  if (rows.length > 0) throw new Error(`The list says something else of ${JSON.stringify(rows)}.`);
}
