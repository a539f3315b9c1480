import { toUnixSeconds, verify } from "@postern/token";
import { enrol, type FakeAgent } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "../check-in/scene.fixture.ts";
import {
  type Caller,
  logInAsAdmin,
  startTestCluster,
  type TestAnswer,
  type TestCluster,
} from "../test-cluster.fixture.ts";

export const reason = "disk full, agent must stop";

/** A cluster with two tenants and agents that hold its token key, for tests of tokens. */
export interface TokenScene {
  readonly cluster: TestCluster;
  readonly admin: Caller;
  readonly acme: TestTenant;
  readonly umbrella: TestTenant;
  /** Of acme, on Windows; its profile gives 1,234 seconds of lift. */
  readonly agent: FakeAgent;
  /** Of umbrella, on Windows. */
  readonly foreignAgent: FakeAgent;
  /** Of acme, on Linux. */
  readonly linuxAgent: FakeAgent;
}

export async function makeTokenScene(): Promise<TokenScene> {
  const cluster = await startTestCluster({ timing: { holdMs: 0, pollMs: 1_000 } });
  const admin = await logInAsAdmin(cluster);
  const acme = await makeTenant(admin, "Acme & Söhne");
  const umbrella = await makeTenant(admin, "Umbrella");
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { liftSeconds: 1_234 } });
  const key = await makeActivationKey(admin, acme.id);
  const agent = await enrol(cluster.url, key, { hostName: "db-07" });
  const linuxAgent = await enrol(cluster.url, key, { hostName: "web-01", platform: "linux" });
  const foreignAgent = await enrol(cluster.url, await makeActivationKey(admin, umbrella.id), { hostName: "um-1" });
  await agent.checkIn();
  await foreignAgent.checkIn();
  return { cluster, admin, acme, umbrella, agent, foreignAgent, linuxAgent };
}

export function generate(who: Caller, target: object, headers: Record<string, string> = {}): Promise<TestAnswer> {
  return who.send("POST", "/agent-tokens", { reason, ...target }, headers);
}

/** What the agent says of a token, with nothing but what it knows by itself. */
export function verifyAs(cluster: TestCluster, by: FakeAgent, token: string, challenge?: string) {
  return verify(token, {
    tokenKeys: by.bundle.tokenKeys,
    clusterId: by.bundle.clusterId,
    tenantId: by.tenantId,
    agentId: by.agentId,
    now: toUnixSeconds(cluster.now()),
    ...(challenge !== undefined && { challenge }),
  });
}

/** The audit entries of one token, oldest first. */
export async function auditOf(
  admin: Caller,
  id: string,
): Promise<{ action: string; outcome: string; why: string | null }[]> {
  return (await admin.send("GET", `/audit?targetId=${id}&sort=at`)).json.items;
}
