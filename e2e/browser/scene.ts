import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { enrol, type FakeAgent } from "../../packages/cluster/src/check-in/fake-agent.fixture.ts";
import { type Caller, call, logInAsAdmin } from "../../packages/cluster/test/http-client.ts";
import {
  type ClusterSettings,
  type RunningCluster,
  startCluster,
} from "../../packages/cluster/test/running-cluster.ts";
import type { Facts } from "../../packages/protocol/src/index.ts";

/** A cluster that runs as a program, with the means to fill it. Everything is made by the API, as an operator would. */
export interface Scene {
  readonly cluster: RunningCluster;
  readonly admin: Caller;
  /** SQLite's, for tests that fill it past the cluster. */
  readonly databaseFile: string;
  makeTenant(name: string): Promise<{ readonly id: string; readonly profileId: string }>;
  /** Makes a user, and gives his password. */
  makeUser(name: string, role: string, tenantId: string | null): Promise<string>;
  /** Enrols agents that go on checking in until the scene ends; silent ones report once. */
  enrolAgents(
    tenantId: string,
    facts: readonly (Partial<Facts> & { readonly labels?: readonly string[]; readonly silent?: boolean })[],
  ): Promise<FakeAgent[]>;
  switchProtection(profileId: string, on: boolean): Promise<void>;
  end(): Promise<void>;
}

export async function startScene(settings: ClusterSettings = {}): Promise<Scene> {
  const cluster = await startCluster(settings);
  const admin = await logInAsAdmin(cluster);
  const ending = new AbortController();
  const checkingIn: Promise<void>[] = [];
  return {
    cluster,
    admin,
    databaseFile: join(cluster.directory, "data", "postern.db"),
    async makeTenant(name) {
      const { id } = await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name });
      const { items } = await call<{ items: { id: string }[] }>(cluster, admin, "GET", `/profiles?tenantId=${id}`);
      return { id, profileId: items[0]?.id ?? "" };
    },
    async makeUser(name, role, tenantId) {
      const password = `the long password of ${name}`;
      await call(cluster, admin, "POST", "/users", { name, password, roles: [{ role, tenantId }] });
      return password;
    },
    async enrolAgents(tenantId, facts) {
      const body = { tenantId, maxUses: facts.length };
      const { key } = await call<{ key: string }>(cluster, admin, "POST", "/activation-keys", body);
      const agents: FakeAgent[] = [];
      for (const { labels = [], silent = false, ...one } of facts) {
        const machineId = `machine-${tenantId}-${one.hostName}`;
        const agent = await enrol(cluster.url, key, { machineId, ...one });
        agent.journal("enrolled");
        agent.journal("service_started");
        // As one that has applied nothing: the cluster answers at once instead of holding the check-in.
        await agent.checkIn({ applied: { rev: 0 } });
        if (labels.length > 0) await call(cluster, admin, "PATCH", `/agents/${agent.agentId}`, { labels });
        agents.push(agent);
        if (!silent) checkingIn.push(keepCheckingIn(agent, ending.signal));
      }
      return agents;
    },
    async switchProtection(profileId, on) {
      await call(cluster, admin, "PATCH", `/profiles/${profileId}`, { serviceProtection: { on } });
    },
    async end() {
      ending.abort();
      await cluster.remove();
      await Promise.all(checkingIn);
    },
  };
}

/** As the agent does: a check-in is held until there is something new, or its time is over; then comes the next. */
async function keepCheckingIn(agent: FakeAgent, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const { answer } = await agent.checkIn({}, signal);
      await pause(Math.max(answer?.next.afterMs ?? 200, 100), undefined, { signal });
    } catch {
      await pause(200, undefined, { signal }).catch(() => undefined);
    }
  }
}
