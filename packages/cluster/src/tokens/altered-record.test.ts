import { afterAll, expect, test } from "vitest";
import { auditOf, generate, makeTokenScene } from "./token-scene.fixture.ts";

const { cluster, admin, umbrella, agent, foreignAgent } = await makeTokenScene();
afterAll(() => cluster.close());

function forAgent(change: object = {}): object {
  return { kind: "agent", agentId: agent.agentId, ...change };
}

// What somebody with the database in his hands could change; `other` is the id of a token for the whole cluster.
test.each([
  ["the audience in the claims", "set claims = replace(claims, 'agent:', 'tenant:')"],
  ["the lift in the claims", "set claims = replace(claims, '\"lift\":1234', '\"lift\":86400')"],
  ["the time in the claims", "set claims = replace(claims, '\"iat\":1', '\"iat\":2')"],
  ["the claims as a whole", "set claims = '{}'"],
  ["the claims, to no JSON", "set claims = 'x'"],
  ["the claims, to those of another token", "set claims = (select claims from agent_token where id = 'other')"],
  [
    "claims and digest, to those of another token",
    "set claims = (select claims from agent_token where id = 'other'), token_sha256 = (select token_sha256 from agent_token where id = 'other')",
  ],
  ["the digest", "set token_sha256 = (select token_sha256 from agent_token where id = 'other')"],
  ["the key, to one that signs something else", "set kid = (select kid from signing_key where use = 'config')"],
  ["the agent, to show it to other people", "set agent_id = 'foreign', tenant_id = 'umbrella'"],
  ["the kind", "set kind = 'tenant', agent_id = null"],
  ["the end", "set expires_at = expires_at + 60000"],
])("a record in which somebody changed %s gives no token", async (_, change) => {
  const { id, token } = (await generate(admin, forAgent())).json;
  const other = (await generate(admin, { kind: "cluster" })).json;
  const sql = change
    .replaceAll("'other'", `'${other.id}'`)
    .replaceAll("'foreign'", `'${foreignAgent.agentId}'`)
    .replaceAll("'umbrella'", `'${umbrella.id}'`);
  await cluster.database.query(`update agent_token ${sql} where id = '${id}'`);
  for (const path of [`/agent-tokens/${id}`, `/agent-tokens/${id}/download`]) {
    const { json } = await admin.send("GET", path);
    expect(json).toMatchObject({ status: 500 });
    expect(JSON.stringify(json)).not.toMatch(new RegExp(`${token.split(".")[2]}|${other.token.split(".")[2]}`));
  }
  const entries = await auditOf(admin, id);
  expect(entries).toContainEqual(expect.objectContaining({ outcome: "failed", why: "token_record_altered" }));
});
