import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol, type FakeAgent } from "../src/check-in/fake-agent.fixture.ts";
import { type Caller, call, listAll, logInAsAdmin, send } from "./http-client.ts";
import { type RunningCluster, startCluster } from "./running-cluster.ts";

const rounds = 12;
/** Longest time that a round writes before the process is killed. */
const longestRoundMs = 600;

/** What the cluster has acknowledged, and must have from then on. */
interface Acknowledged {
  /** Tokens by id. */
  readonly tokens: Map<string, string>;
  readonly activationKeys: Set<string>;
}

/** An agent, all that it journaled, and how far the cluster has acknowledged it. */
interface Journaling {
  readonly agent: FakeAgent;
  readonly entries: Map<number, string>;
  acknowledged: number;
}

let cluster: RunningCluster;
let admin: Caller;
let tenantId: string;
let journals: Journaling[];
const all: Acknowledged = { tokens: new Map(), activationKeys: new Set() };

beforeAll(async () => {
  cluster = await startCluster();
  admin = await logInAsAdmin(cluster);
  tenantId = (await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name: "acme" })).id;
  const { key } = await call<{ key: string }>(cluster, admin, "POST", "/activation-keys", { tenantId, maxUses: 3 });
  journals = await Promise.all(
    ["ws-1", "ws-2", "ws-3"].map(async (hostName) => {
      const agent = await enrol(cluster.url, key, { hostName, machineId: hostName });
      return { agent, entries: new Map<number, string>(), acknowledged: 0 };
    }),
  );
});
afterAll(() => cluster.remove());

test(`killed ${rounds} times while it writes, the cluster has kept all that it acknowledged`, async () => {
  for (let round = 0; round < rounds; round++) {
    const written = await writeUntilKilled(round);
    if (round % 3 === 2) await killWhileStarting();
    await cluster.start();
    await expectKept(written);
    for (const [id, token] of written.tokens) all.tokens.set(id, token);
    for (const id of written.activationKeys) all.activationKeys.add(id);
  }
  await expectKept(all);
  expect(all.tokens.size).toBeGreaterThan(rounds * 2);
  expect(all.activationKeys.size).toBeGreaterThan(rounds * 2);
  for (const { acknowledged } of journals) expect(acknowledged).toBeGreaterThan(rounds * 2);
}, 120_000);

/** Writes from all sides at once, kills the process at a random moment, and gives what it had acknowledged by then. */
async function writeUntilKilled(round: number): Promise<Acknowledged> {
  const written: Acknowledged = { tokens: new Map(), activationKeys: new Set() };
  const targets = [
    { kind: "tenant", tenantId },
    { kind: "cluster" },
    ...journals.map(({ agent }) => ({ kind: "agent", agentId: agent.agentId })),
  ];
  const writers = [
    ...targets.map((target) => untilCutOff(() => generateToken(target, written))),
    untilCutOff(() => makeActivationKey(written)),
    untilCutOff(() => makeActivationKey(written)),
    ...journals.map((journal) => untilCutOff(() => checkIn(journal))),
  ];
  await pause((round * longestRoundMs) / rounds + Math.random() * (longestRoundMs / rounds));
  await cluster.kill();
  await Promise.all(writers);
  return written;
}

/** Repeats `write` until the connection is cut; anything else that fails is a failure. */
async function untilCutOff(write: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await write();
    } catch (error) {
      // What fetch throws when nobody answers, or the answer is torn.
      if (error instanceof TypeError && /fetch failed|terminated/.test(error.message)) return;
      throw error;
    }
  }
}

async function generateToken(target: object, { tokens }: Acknowledged): Promise<void> {
  const made = await call<{ id: string; token: string }>(cluster, admin, "POST", "/agent-tokens", {
    ...target,
    reason: "to be killed",
  });
  tokens.set(made.id, made.token);
}

async function makeActivationKey({ activationKeys }: Acknowledged): Promise<void> {
  activationKeys.add((await call<{ id: string }>(cluster, admin, "POST", "/activation-keys", { tenantId })).id);
}

async function checkIn(journal: Journaling): Promise<void> {
  const { agent, entries } = journal;
  for (let more = 0; more < 3; more++) {
    const { seq } = agent.journal("drift", { layer: `layer-${entries.size}` });
    entries.set(seq, `layer-${entries.size}`);
  }
  // As one that has applied nothing: the cluster answers at once instead of holding the check-in.
  const { status, answer, code } = await agent.checkIn({ applied: { rev: 0 } });
  if (!answer) throw new Error(`a check-in was refused: ${status} ${code}`);
  expect(answer.journalAcked, "acknowledgements only rise").toBeGreaterThanOrEqual(journal.acknowledged);
  journal.acknowledged = answer.journalAcked;
}

async function killWhileStarting(): Promise<void> {
  cluster.launch();
  await pause(Math.random() * 700);
  await cluster.kill();
}

async function expectKept({ tokens, activationKeys }: Acknowledged): Promise<void> {
  const listed = new Set((await listAll<{ id: string }>(cluster, admin, "/agent-tokens")).map(({ id }) => id));
  expect([...tokens.keys()].filter((id) => !listed.has(id))).toEqual([]);
  for (const [id, token] of tokens) {
    const response = await send(cluster, admin, "GET", `/agent-tokens/${id}/download`);
    expect(await response.text()).toBe(`${token}\n`);
  }

  const keys = new Set((await listAll<{ id: string }>(cluster, admin, "/activation-keys")).map(({ id }) => id));
  expect([...activationKeys].filter((id) => !keys.has(id))).toEqual([]);

  expect(await call(cluster, admin, "GET", "/audit/verification")).toMatchObject({ intact: true });
  const generated = await auditedTargets("agent-token.generate");
  expect([...tokens.keys()].filter((id) => !generated.has(id))).toEqual([]);
  const made = await auditedTargets("activation-key.create");
  expect([...activationKeys].filter((id) => !made.has(id))).toEqual([]);

  for (const journal of journals) await expectJournalKept(journal);
}

async function auditedTargets(action: string): Promise<Set<string>> {
  const entries = await listAll<{ target: { id: string } }>(cluster, admin, `/audit?action=${action}`);
  const targets = entries.map(({ target }) => target.id);
  expect(new Set(targets).size, `one ${action} for each`).toBe(targets.length);
  return new Set(targets);
}

interface StoredEvent {
  readonly seq: number;
  readonly kind: string;
  readonly data: { readonly layer: string };
  readonly journalId: string;
  readonly forked: boolean;
  readonly linked: boolean;
}

async function expectJournalKept({ agent, entries, acknowledged }: Journaling): Promise<void> {
  const path = `/agents/${agent.agentId}/journal`;
  const stored = await listAll<StoredEvent>(cluster, admin, path);
  const bySeq = new Map(stored.map((event) => [event.seq, event]));
  expect(bySeq.size, "each entry is stored once").toBe(stored.length);
  for (let seq = 1; seq <= acknowledged; seq++) {
    expect(bySeq.get(seq)).toMatchObject({
      kind: "drift",
      data: { layer: entries.get(seq) },
      journalId: agent.journalId,
      forked: false,
      linked: true,
    });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
