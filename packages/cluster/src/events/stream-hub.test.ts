import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLocalFeed, type News } from "../change-feed.ts";
import type { Principal } from "../identity/principal.ts";
import { type Database, migrations, type Store } from "../schema.ts";
import { makeTestDatabase, type TestDatabase } from "../test-database.fixture.ts";
import { streamLimits } from "./limits.ts";
import { createStreamHub, type StreamHub, type StreamReader } from "./stream-hub.ts";

const tenantId = "0193f0a0-0000-7000-8000-00000000000a";
const minute = 60_000;

/** Patient: other tests want the processor, too. */
function eventually<Value>(read: () => Value) {
  return expect.poll(read, { timeout: 10_000, interval: 10 });
}

let database: TestDatabase;
let store: Store;
let hub: StreamHub;
let now: number;
let tellNews: (news: News) => void;
let tellChange: ReturnType<typeof createLocalFeed>["tell"];

beforeEach(async () => {
  database = await makeTestDatabase("migrated");
  store = await database.open<Database>(migrations);
  const local = createLocalFeed();
  const listeners = new Set<(news: News) => void>();
  tellNews = (news) => {
    for (const listener of listeners) listener(news);
  };
  tellChange = local.tell;
  now = minute;
  hub = createStreamHub({
    reads: store.reads,
    clock: { now: () => now },
    newId: randomUUID,
    feed: {
      get counter() {
        return local.counter;
      },
      changes: local.changes,
      catchUpFrom: local.catchUpFrom,
      news(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    failed: (error) => {
      throw error;
    },
    limits: { ...streamLimits, gatherMs: 10, presenceMs: 20, checkMs: 60_000, heartbeatMs: 30, maxOneByOne: 3 },
  });
});

afterEach(async () => {
  hub.stop();
  await store.close();
  await database.remove();
});

/** A reader who takes `capacity` characters and no more. */
function reader(capacity = Number.POSITIVE_INFINITY) {
  const principal = { userId: "u", credentialId: "s", kind: "user", bindings: [] } as unknown as Principal;
  const seen = { text: "", ended: false, cut: false };
  const made: StreamReader = {
    principal,
    reachOf: () => new Set([tenantId]),
    write(text) {
      seen.text += text;
      return seen.text.length <= capacity;
    },
    end: () => {
      seen.ended = true;
    },
    cut: () => {
      seen.cut = true;
    },
  };
  return { seen, made };
}

function agentNews(agentId: string, of = tenantId): News {
  return { kind: "agent", tenantId: of, agentId };
}

const events = (text: string, name: string) => text.split(`event: ${name}\n`).length - 1;

test("the same news within a moment go out once, and a flood as one event", async () => {
  const { seen, made } = reader();
  hub.open(made, undefined);
  for (let i = 0; i < 5; i++) tellNews(agentNews("a"));
  await eventually(() => events(seen.text, "agent")).toBe(1);
  for (let i = 0; i < 100; i++) tellNews(agentNews(`a${i}`));
  await eventually(() => events(seen.text, "agent")).toBe(2);
  expect(seen.text).toContain(`data: {"tenantId":"${tenantId}","all":true}`);
});

test("who does not keep up is cut, and nobody else notices", async () => {
  const [slow, quick] = [reader(400), reader()];
  hub.open(slow.made, undefined);
  hub.open(quick.made, undefined);
  for (let i = 0; i < 6; i++) {
    tellNews(agentNews(`a${i}`));
    await eventually(() => events(quick.seen.text, "agent")).toBe(i + 1);
  }
  expect(slow.seen.cut).toBe(true);
  expect(events(slow.seen.text, "agent")).toBeLessThan(6);
  expect(quick.seen.cut).toBe(false);
  expect(hub.count("u")).toEqual({ all: 1, own: 1 });
});

test("a silent stream shows that it is alive", async () => {
  const { seen, made } = reader();
  hub.open(made, undefined);
  await eventually(() => seen.text).toContain(": still here\n\n");
});

test.each([
  ["changes", () => tellChange({ kind: "anything" })],
  ["news", () => tellNews({ kind: "anything" })],
])("when %s were missed, whoever shows something is told to read it again", async (_, miss) => {
  const { seen, made } = reader();
  hub.open(made, undefined);
  miss();
  await eventually(() => events(seen.text, "resync")).toBe(1);
});

test("nothing of another tenant or of the cluster", async () => {
  const { seen, made } = reader();
  hub.open(made, undefined);
  tellNews(agentNews("foreign", "another tenant"));
  tellChange({ kind: "keys" });
  tellNews(agentNews("own"));
  await eventually(() => seen.text).toContain("own");
  expect(seen.text).not.toContain("foreign");
  expect(events(seen.text, "keys")).toBe(0);
});

test("a reader who has left is told nothing more", async () => {
  const { seen, made } = reader();
  const leave = hub.open(made, undefined);
  leave();
  const before = seen.text;
  tellNews(agentNews("a"));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(seen.text).toBe(before);
});

test("agents that fall silent and come back are told together", async () => {
  const agents = ["a1", "a2"];
  await addAgents(agents);
  const { seen, made } = reader();
  hub.open(made, undefined);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(events(seen.text, "presence")).toBe(0);
  now += 10 * minute;
  await eventually(() => events(seen.text, "presence")).toBe(1);
  const [, data = ""] = seen.text.match(/event: presence\ndata: (.*)\n/) ?? [];
  expect(JSON.parse(data)).toEqual({ tenantId, active: [], inactive: agents });
  await database.query(`update presence set due_at = ${now} where agent_id = 'a1'`);
  await eventually(() => seen.text).toContain(`{"tenantId":"${tenantId}","active":["a1"],"inactive":[]}`);
});

test("after a stop everybody is told, and nobody hears more", () => {
  const { seen, made } = reader();
  hub.open(made, undefined);
  hub.stop();
  expect(seen).toMatchObject({
    ended: true,
    text: expect.stringContaining('event: end\ndata: {"reason":"shutting_down"}'),
  });
});

async function addAgents(ids: readonly string[]): Promise<void> {
  await database.query(
    `insert into tenant (id, name, name_search, created_at, changed_at, revision) values ('${tenantId}', 't', 't', 0, 0, 0)`,
  );
  await database.query(
    `insert into profile (id, tenant_id, name, name_search, is_default, settings, created_at, changed_at) values ('p', '${tenantId}', 'p', 'p', 0, '{}', 0, 0)`,
  );
  for (const id of ids) {
    await database.query(
      `insert into agent (id, tenant_id, platform, host_name, host_name_search, facts, identity_key, identity_thumbprint, enrolled_at, profile_id, assigned_at, revision_lead, applied_rev, bundle_ver)
       values ('${id}', '${tenantId}', 'windows', '${id}', '${id}', '{}', '', '${id}', 0, 'p', 0, 0, 0, 0)`,
    );
    await database.query(`insert into presence values ('${id}', 0, 0, 0, ${minute})`);
  }
}
