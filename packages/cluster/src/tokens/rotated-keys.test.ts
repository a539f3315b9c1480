import { afterAll, expect, test } from "vitest";
import { enrol, type FakeAgent } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant } from "../check-in/scene.fixture.ts";
import { logInAsAdmin, makeUser } from "../test-cluster.fixture.ts";
import { auditOf, generate, makeTokenScene, reason, verifyAs } from "./token-scene.fixture.ts";

const { cluster, admin: first, acme, agent: away, linuxAgent } = await makeTokenScene();
let admin = first;
afterAll(() => cluster.close());

async function keyOf(state: string): Promise<string> {
  const { items } = (await admin.send("GET", `/keys?use=token&state=${state}&sort=-createdAt`)).json;
  return items[0]?.kid;
}

async function rotate(): Promise<string> {
  return (await admin.send("POST", "/keys/token/rotate", { reason })).json.made.kid;
}

/** An agent that has acknowledged the trust bundle of now, of a tenant of its own. */
async function enrolConnected(): Promise<FakeAgent> {
  const tenant = await makeTenant(admin, `Tenant of ${performance.now()}`);
  const agent = await enrol(cluster.url, await makeActivationKey(admin, tenant.id));
  await agent.checkIn();
  return agent;
}

function kidOf(token: string): string {
  return JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).kid;
}

function forAgent({ agentId }: FakeAgent): object {
  return { kind: "agent", agentId };
}

function preview(target: object) {
  return admin.send("POST", "/agent-tokens/preview", target);
}

test("after three rotations a token for an agent that was away all the while is accepted by its old bundle", async () => {
  const firstKey = await keyOf("active");
  const before = (await generate(admin, forAgent(away))).json;
  const connected = await enrolConnected();
  const made = [];
  for (let rotation = 0; rotation < 3; rotation += 1) {
    made.push(await rotate());
    await connected.checkIn();
    await connected.checkIn();
  }
  expect([...away.bundle.tokenKeys.keys()]).toEqual([firstKey]);
  expect([...connected.bundle.tokenKeys.keys()]).toEqual(made.slice(1));

  const seen = await preview(forAgent(away));
  expect(seen.json).toEqual({ kid: firstKey, coverage: { agents: 1, reached: 1, notReached: [] } });
  const { status, json } = await generate(admin, forAgent(away));
  expect(status).toBe(201);
  expect(json.coverage).toEqual(seen.json.coverage);
  expect(verifyAs(cluster, away, json.token).jti).toBe(json.id);

  const newest = (await generate(admin, forAgent(connected))).json;
  expect(kidOf(newest.token)).toBe(made[2]);
  expect(verifyAs(cluster, connected, newest.token).jti).toBe(newest.id);

  // A live token that an older key signed is given again with that key, byte for byte, also after a restart.
  expect((await admin.send("GET", `/agent-tokens/${before.id}`)).json.token).toBe(before.token);
  await cluster.restart();
  admin = await logInAsAdmin(cluster);
  away.moveTo(cluster.url);
  linuxAgent.moveTo(cluster.url);
  expect((await admin.send("GET", `/agent-tokens/${before.id}`)).json.token).toBe(before.token);
});

test("a token for a tenant or the cluster is signed with the key that reaches most, and coverage names the others", async () => {
  const tenant = await makeTenant(admin, "Mostly away");
  const key = await makeActivationKey(admin, tenant.id);
  const [one, two] = [await enrol(cluster.url, key), await enrol(cluster.url, key)];
  for (const agent of [one, two]) await agent.checkIn();
  const old = await keyOf("active");
  const target = { kind: "tenant", tenantId: tenant.id };

  const next = await rotate();
  await one.checkIn();
  await one.checkIn();
  // The bundle of now has the key before, too: it reaches both.
  expect((await preview(target)).json).toEqual({ kid: old, coverage: { agents: 2, reached: 2, notReached: [] } });
  const { json } = await generate(admin, target);
  for (const agent of [one, two]) expect(verifyAs(cluster, agent, json.token).jti).toBe(json.id);

  await rotate();
  await one.checkIn();
  await one.checkIn();
  const latest = await keyOf("active");
  expect((await preview(target)).json).toEqual({
    kid: latest,
    coverage: { agents: 2, reached: 1, notReached: [{ reason: "other_key_held", count: 1 }] },
  });
  const partly = (await generate(admin, target)).json;
  expect(verifyAs(cluster, one, partly.token).jti).toBe(partly.id);
  expect(() => verifyAs(cluster, two, partly.token)).toThrow(expect.objectContaining({ reason: "unknown_key" }));

  await two.checkIn();
  await two.checkIn();
  expect((await preview(target)).json).toMatchObject({ kid: latest, coverage: { reached: 2 } });
  expect(next).not.toBe(latest);
});

test("a preview needs the right that generating needs, and says so before anything is done", async () => {
  expect((await preview(forAgent(linuxAgent))).json.code).toBe("token_platform_unsupported");
  expect((await preview({ kind: "agent" })).json.code).toBe("validation_failed");
  const installer = await makeUser(cluster, admin, "iris", [{ role: "agent_installer", tenantId: acme.id }]);
  const wide = { kind: "tenant", tenantId: acme.id };
  expect((await installer.send("POST", "/agent-tokens/preview", wide)).json.code).toBe("role_may_not_generate");
  expect((await installer.send("POST", "/agent-tokens/preview", forAgent(away))).status).toBe(200);
  cluster.advance(16 * 60_000);
  expect((await preview({ kind: "cluster" })).status).toBe(200);
  expect((await generate(admin, { kind: "cluster" })).json.code).toBe("reauthentication_required");
  admin = await logInAsAdmin(cluster);
  const challenging = (answersChallenge: boolean) =>
    admin.send("POST", "/agent-tokens/preview", { ...forAgent(away), answersChallenge });
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { requireChallenge: true } });
  expect((await challenging(false)).json.coverage.notReached).toEqual([{ reason: "challenge_required", count: 1 }]);
  expect((await challenging(true)).json.coverage.reached).toBe(1);
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { requireChallenge: false } });
});

test("a compromised key signs nothing more: live tokens are not given again, and coverage names whom that strands", async () => {
  const agent = await enrolConnected();
  const kid = await keyOf("active");
  const previous = await keyOf("retiring");
  const live = (await generate(admin, forAgent(agent))).json;
  expect(kidOf(live.token)).toBe(kid);
  const { status, json } = await admin.send("POST", `/keys/${kid}/compromise`, { reason });
  expect(status).toBe(200);
  expect(json.made).toMatchObject({ use: "token", state: "active" });

  for (const path of [`/agent-tokens/${live.id}`, `/agent-tokens/${live.id}/download`]) {
    const refused = await admin.send("GET", path);
    expect(refused.json).toMatchObject({ status: 409, code: "token_key_withdrawn" });
    expect(JSON.stringify(refused.json)).not.toContain(live.token.split(".")[2]);
  }
  expect(await auditOf(admin, live.id)).toContainEqual(
    expect.objectContaining({ outcome: "refused", why: "token_key_withdrawn" }),
  );
  // It still holds the key before, which the cluster goes on with.
  expect((await preview(forAgent(agent))).json).toMatchObject({ kid: previous, coverage: { reached: 1 } });

  await admin.send("POST", `/keys/${previous}/compromise`, { reason });
  expect((await preview(forAgent(agent))).json.coverage).toEqual({
    agents: 1,
    reached: 0,
    notReached: [{ reason: "key_withdrawn", count: 1 }],
  });
  const hopeless = (await generate(admin, forAgent(agent))).json;
  expect([kid, previous]).not.toContain(kidOf(hopeless.token));

  await agent.checkIn();
  await agent.checkIn();
  expect(agent.bundle.tokenKeys.has(kid) || agent.bundle.tokenKeys.has(previous)).toBe(false);
  expect(() => verifyAs(cluster, agent, live.token)).toThrow(expect.objectContaining({ reason: "unknown_key" }));
  expect((await preview(forAgent(agent))).json.coverage.reached).toBe(1);
  const jwks = await (await fetch(`${cluster.url}/.well-known/jwks.json`)).json();
  expect(JSON.stringify(jwks)).not.toContain(kid);
});

test("what another node has withdrawn in this very moment gives no token here", async () => {
  const agent = await enrolConnected();
  const live = (await generate(admin, forAgent(agent))).json;
  // As another node would: no change was told here yet.
  await cluster.database.query(`update signing_key set state = 'compromised' where kid = '${kidOf(live.token)}'`);
  expect((await admin.send("GET", `/agent-tokens/${live.id}/download`)).json.code).toBe("token_key_withdrawn");
  expect((await generate(admin, forAgent(agent))).json.code).toBe("token_key_withdrawn");
});
