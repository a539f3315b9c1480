import { afterAll, expect, test } from "vitest";
import { logInAsAdmin, makeUser } from "../test-cluster.fixture.ts";
import { auditOf, generate, makeTokenScene } from "./token-scene.fixture.ts";

const minute = 60_000;
const scene = await makeTokenScene();
const { cluster, agent } = scene;
let { admin } = scene;
afterAll(() => cluster.close());

function forAgent(change: object = {}): object {
  return { kind: "agent", agentId: agent.agentId, ...change };
}

test("the same request with the same Idempotency-Key gives the same token", async () => {
  const key = { "idempotency-key": "try-1" };
  const [first, second] = [await generate(admin, forAgent(), key), await generate(admin, forAgent(), key)];
  expect(second.status).toBe(201);
  expect(second.json).toEqual(first.json);
  const other = await generate(admin, forAgent({ ticket: "INC-3" }), key);
  expect(other.json).toMatchObject({ status: 422, code: "idempotency_key_reused" });
  const somebody = await makeUser(cluster, admin, "somebody", [{ role: "site_admin", tenantId: null }]);
  const theirs = await generate(somebody, forAgent(), key);
  expect(theirs.status).toBe(201);
  expect(theirs.json.id).not.toBe(first.json.id);
});

test("of the same requests sent at once, all get one token", async () => {
  const key = { "idempotency-key": "try-2" };
  const answers = await Promise.all(Array.from({ length: 6 }, () => generate(admin, forAgent(), key)));
  expect(new Set(answers.map(({ status, json }) => `${status} ${json.token}`)).size).toBe(1);
  expect(
    (await auditOf(admin, answers[0]?.json.id)).filter(({ action }) => action === "agent-token.generate"),
  ).toHaveLength(1);
});

test("an Idempotency-Key is forgotten after a day, and gives no dead token before", async () => {
  const key = { "idempotency-key": "try-3" };
  const first = (await generate(admin, forAgent(), key)).json;
  cluster.advance(20 * minute);
  const fresh = await logInAsAdmin(cluster);
  const late = await generate(fresh, forAgent(), key);
  cluster.advance(24 * 60 * minute);
  const nextDay = await generate(await logInAsAdmin(cluster), forAgent(), key);
  cluster.advance(-24 * 60 * minute - 20 * minute);
  admin = await logInAsAdmin(cluster); // the log-in of a day ago is over
  expect(late.json).toMatchObject({ status: 409, code: "token_not_live" });
  expect(nextDay.status).toBe(201);
  expect(nextDay.json.id).not.toBe(first.id);
});

test("an Idempotency-Key that is none is refused", async () => {
  for (const bad of ["with space", "x".repeat(201)]) {
    expect((await generate(admin, forAgent(), { "idempotency-key": bad })).json).toMatchObject({ status: 400 });
  }
});
