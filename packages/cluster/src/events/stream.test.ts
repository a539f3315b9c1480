import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { enrol, type FakeAgent } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "../check-in/scene.fixture.ts";
import {
  adminPassword,
  type Caller,
  caller,
  logInAsAdmin,
  makeUser,
  startTestCluster,
  type TestCluster,
} from "../test-cluster.fixture.ts";
import { streamLimits } from "./limits.ts";

/** Patient: other tests want the processor, too. */
function eventually<Value>(read: () => Value) {
  return expect.poll(read, { timeout: 10_000, interval: 10 });
}

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;
let umbrella: TestTenant;
let agent: FakeAgent;
let foreignAgent: FakeAgent;

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 0, pollMs: 1_000 } });
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
  umbrella = await makeTenant(admin, "Umbrella");
  agent = await enrol(cluster.url, await makeActivationKey(admin, acme.id), { hostName: "db-07" });
  foreignAgent = await enrol(cluster.url, await makeActivationKey(admin, umbrella.id), { hostName: "um-1" });
});

afterAll(() => cluster.close());

interface SeenEvent {
  readonly id: string | undefined;
  readonly name: string;
  readonly data: Record<string, unknown>;
}

interface Stream {
  readonly status: number;
  readonly headers: Headers;
  readonly events: SeenEvent[];
  text(): string;
  /** Resolves when the cluster has ended the stream. */
  readonly ended: Promise<void>;
  close(): void;
}

const open: Stream[] = [];
afterEach(() => {
  for (const stream of open.splice(0)) stream.close();
});

/** Reads `/stream` as somebody with these headers. */
async function listen(headers: Record<string, string>, lastEventId?: string): Promise<Stream> {
  const gone = new AbortController();
  const response = await fetch(`${cluster.url}/api/v1/stream`, {
    headers: { ...headers, ...(lastEventId !== undefined && { "last-event-id": lastEventId }) },
    signal: gone.signal,
  });
  const events: SeenEvent[] = [];
  let text = "";
  const read = async () => {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const piece of response.body ?? []) {
      const more = decoder.decode(piece, { stream: true });
      text += more;
      rest += more;
      const blocks = rest.split("\n\n");
      rest = blocks.pop() ?? "";
      events.push(...blocks.flatMap(parseBlock));
    }
  };
  const ended = read().catch(() => {});
  const stream = {
    status: response.status,
    headers: response.headers,
    events,
    text: () => text,
    ended,
    close: () => gone.abort(),
  };
  open.push(stream);
  if (response.status === 200) await eventually(() => events.length).toBeGreaterThan(0);
  return stream;
}

function parseBlock(block: string): SeenEvent[] {
  const field = (name: string) => block.match(new RegExp(`^${name}: (.*)$`, "m"))?.[1];
  const [name, data] = [field("event"), field("data")];
  return name === undefined || data === undefined ? [] : [{ id: field("id"), name, data: JSON.parse(data) }];
}

async function cookieOf(name: string, password: string): Promise<Record<string, string>> {
  const answer = await caller(cluster).send("POST", "/session", { name, password });
  return { cookie: answer.headers.getSetCookie()[0]?.split(";", 1)[0] ?? "" };
}

const asAdmin = () => cookieOf("admin", adminPassword);

async function asNewUser(name: string, role: "tenant_owner" | "agent_installer" | "auditor", tenantId: string) {
  const user = await makeUser(cluster, admin, name, [{ role, tenantId }]);
  return { user, headers: await cookieOf(name, `the password of ${name}`) };
}

function namesOf({ events }: Stream): string[] {
  return events.map(({ name }) => name);
}

async function untilSeen(stream: Stream, name: string): Promise<SeenEvent> {
  await eventually(() => namesOf(stream)).toContain(name);
  return stream.events.findLast((event) => event.name === name) as SeenEvent;
}

test("tells what happens, with ids and nothing more, and is kept by nobody on the way", async () => {
  const stream = await listen(await asAdmin());
  expect(stream.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(stream.headers.get("cache-control")).toBe("no-store, no-transform");
  expect(stream.headers.get("content-encoding")).toBeNull();
  expect(stream.events[0]).toMatchObject({ name: "hello" });

  const about = { tenantId: acme.id, agentId: agent.agentId };
  agent.journal("pipe_taken", { secret: "a word" });
  await agent.checkIn({ applied: { rev: 1 } });
  // The other tenant's agent may be told of as well: it has enrolled only just now.
  for (const name of ["journal", "agent"]) {
    await eventually(() => stream.events).toContainEqual(expect.objectContaining({ name, data: about }));
  }
  expect((await untilSeen(stream, "alarm")).data).toEqual({ ...about, alarmId: expect.any(String) });

  const token = (await admin.send("POST", "/agent-tokens", { kind: "agent", agentId: agent.agentId, reason: "a test" }))
    .json;
  expect((await untilSeen(stream, "token")).data).toEqual({ ...about, tokenId: token.id, what: "issued" });
  agent.journal("redeemed", { jti: token.id });
  await agent.checkIn();
  await eventually(() => stream.text()).toContain('"what":"redeemed"');
  await admin.send("DELETE", `/agent-tokens/${token.id}`);
  await eventually(() => stream.text()).toContain('"what":"revoked"');
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { liftSeconds: 600 } });
  expect((await untilSeen(stream, "profile")).data).toEqual({ tenantId: acme.id, profileId: acme.profileId });
  expect(stream.text()).not.toContain(token.token.split(".")[2]);
  expect(stream.text()).not.toContain("a word");
});

test("somebody of another tenant is told nothing of it, and not of the cluster", async () => {
  const { headers } = await asNewUser("olga", "tenant_owner", acme.id);
  const [own, all] = [await listen(headers), await listen(await asAdmin())];
  foreignAgent.journal("pipe_taken");
  await foreignAgent.checkIn({ applied: { rev: 1 } });
  await admin.send("POST", "/agent-tokens", { kind: "cluster", reason: "a test" });
  await admin.send("POST", "/agent-tokens", { kind: "tenant", tenantId: umbrella.id, reason: "a test" });
  await admin.send("POST", "/keys/config/rotate", { reason: "a test" });
  await admin.send("PATCH", `/profiles/${umbrella.profileId}`, { serviceProtection: { liftSeconds: 600 } });
  for (const name of ["journal", "agent", "alarm", "token", "keys", "profile"]) await untilSeen(all, name);
  agent.journal("drift");
  await agent.checkIn();
  await untilSeen(own, "journal");
  expect(own.text()).not.toContain(umbrella.id);
  expect(own.text()).not.toContain(foreignAgent.agentId);
  expect(namesOf(own)).not.toContain("keys");
  expect(new Set(own.events.flatMap(({ data }) => data["tenantId"] ?? []))).toEqual(new Set([acme.id]));
});

test("a role is told what it may read, and nothing else", async () => {
  const { headers } = await asNewUser("ivo", "agent_installer", acme.id);
  const stream = await listen(headers);
  agent.journal("pipe_taken");
  await agent.checkIn({ applied: { rev: 2 } });
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { liftSeconds: 700 } });
  await untilSeen(stream, "agent");
  await new Promise((resolve) => setTimeout(resolve, 2 * streamLimits.gatherMs));
  expect(namesOf(stream).filter((name) => ["journal", "alarm", "profile"].includes(name))).toEqual([]);
});

test("needs a log-in, an API key does as well, and a foreign page gets no further than elsewhere", async () => {
  expect((await listen({})).status).toBe(401);
  const { key } = (
    await admin.send("POST", "/api-keys", { name: "watch", roles: [{ role: "auditor", tenantId: acme.id }] })
  ).json;
  const stream = await listen({ authorization: `Bearer ${key}` });
  agent.journal("drift");
  await agent.checkIn();
  await untilSeen(stream, "journal");
});

test("ends with its session, and follows a change of roles", async () => {
  const { user, headers } = await asNewUser("ole", "tenant_owner", acme.id);
  const stream = await listen(headers);
  await admin.send("POST", `/users/${user.id}/roles`, { role: "tenant_owner", tenantId: umbrella.id });
  expect((await untilSeen(stream, "resync")).data).toEqual({ reason: "roles_changed" });
  foreignAgent.journal("drift");
  await foreignAgent.checkIn();
  expect((await untilSeen(stream, "journal")).data["tenantId"]).toBe(umbrella.id);

  await caller(cluster, { ...headers, "sec-fetch-site": "same-origin" }).send("DELETE", "/session");
  foreignAgent.journal("drift");
  await stream.ended;
  expect(stream.events.at(-1)).toMatchObject({ name: "end", data: { reason: "session_ended" } });
}, 20_000);

test("who comes back is told what he missed, or that nobody knows", async () => {
  const headers = await asAdmin();
  const first = await listen(headers);
  agent.journal("drift");
  await agent.checkIn();
  const { id } = await untilSeen(first, "journal");
  first.close();
  agent.journal("pipe_taken");
  await agent.checkIn();
  await new Promise((resolve) => setTimeout(resolve, 2 * streamLimits.gatherMs));
  const second = await listen(headers, id);
  expect(namesOf(second)).not.toContain("resync");
  expect((await untilSeen(second, "journal")).data["agentId"]).toBe(agent.agentId);
  const third = await listen(headers, "another-life.7");
  expect((await untilSeen(third, "resync")).data).toEqual({ reason: "missed" });
});

test("one user cannot take all the streams", async () => {
  const { headers } = await asNewUser("otto", "tenant_owner", acme.id);
  for (let i = 0; i < streamLimits.maxStreamsPerUser; i++) await listen(headers);
  const refused = await listen(headers);
  expect(refused.status).toBe(429);
  open[open.length - 2]?.close();
  await eventually(async () => (await listen(headers)).status).toBe(200);
});

test("ends when the node shuts down", async () => {
  const stream = await listen(await asAdmin());
  await cluster.restart();
  await stream.ended;
  expect(stream.events.at(-1)).toMatchObject({ name: "end", data: { reason: "shutting_down" } });
});
