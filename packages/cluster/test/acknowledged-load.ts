import { expect } from "vitest";
import { enrol, type FakeAgent } from "../src/check-in/fake-agent.fixture.ts";
import { type Caller, call, listAll, send } from "./http-client.ts";
import type { RunningCluster } from "./running-cluster.ts";

/** What the cluster has acknowledged, and must have from then on. */
export interface Acknowledged {
  /** Tokens by id. */
  readonly tokens: Map<string, string>;
  readonly activationKeys: Set<string>;
}

/** An agent, all that it journaled, and how far the cluster has acknowledged it. */
export interface Journaling {
  readonly agent: FakeAgent;
  readonly entries: Map<number, string>;
  acknowledged: number;
}

/** Writes to a cluster from all sides at once, and remembers what it was told is stored. */
export interface Load {
  readonly journals: readonly Journaling[];
  /**
   * Writes without a pause, until each writer fails. What `isCutOff` does not take for the end fails the test.
   *
   * @returns what was acknowledged by then
   */
  write(isCutOff: (error: unknown) => boolean): Promise<Acknowledged>;
  /** That the cluster has all of it, and of every journal what it acknowledged, and that the audit log holds. */
  expectKept(acknowledged: Acknowledged): Promise<void>;
}

export const nothingYet = (): Acknowledged => ({ tokens: new Map(), activationKeys: new Set() });

export function addAcknowledged(all: Acknowledged, { tokens, activationKeys }: Acknowledged): void {
  for (const [id, token] of tokens) all.tokens.set(id, token);
  for (const id of activationKeys) all.activationKeys.add(id);
}

export async function prepareLoad(cluster: RunningCluster, admin: Caller): Promise<Load> {
  const tenantId = (await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name: "acme" })).id;
  const { key } = await call<{ key: string }>(cluster, admin, "POST", "/activation-keys", { tenantId, maxUses: 3 });
  const journals: Journaling[] = await Promise.all(
    ["ws-1", "ws-2", "ws-3"].map(async (hostName) => {
      const agent = await enrol(cluster.url, key, { hostName, machineId: hostName });
      return { agent, entries: new Map<number, string>(), acknowledged: 0 };
    }),
  );
  const targets = [
    { kind: "tenant", tenantId },
    { kind: "cluster" },
    ...journals.map(({ agent }) => ({ kind: "agent", agentId: agent.agentId })),
  ];

  return {
    journals,
    async write(isCutOff) {
      const written = nothingYet();
      const until = (write: () => Promise<void>) => untilCutOff(write, isCutOff);
      await Promise.all([
        ...targets.map((target) => until(() => generateToken(target, written))),
        until(() => makeActivationKey(written)),
        until(() => makeActivationKey(written)),
        ...journals.map((journal) => until(() => checkIn(journal))),
      ]);
      return written;
    },
    expectKept,
  };

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
}

async function untilCutOff(write: () => Promise<void>, isCutOff: (error: unknown) => boolean): Promise<void> {
  for (;;) {
    try {
      await write();
    } catch (error) {
      if (isCutOff(error)) return;
      throw error;
    }
  }
}

interface StoredEvent {
  readonly seq: number;
  readonly kind: string;
  readonly data: { readonly layer: string };
  readonly journalId: string;
  readonly forked: boolean;
  readonly linked: boolean;
}
