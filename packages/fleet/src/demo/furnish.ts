import { startFleet } from "../fleet.ts";
import { type SimulatedAgent, startSimulatedAgent, type Workload } from "../simulated-agent.ts";
import { type Caller, logIn } from "./api.ts";
import { dairy, hanse, machines, people, profiles } from "./company.ts";
import { letThingsHappen } from "./history.ts";
import { agentId } from "./machine-status.ts";

/** A machine of the demo and the agent on it. */
export interface DemoMachine {
  readonly tenant: string;
  readonly agent: SimulatedAgent;
}

export interface Company {
  /** By the host name with which each machine was set up, in capitals. */
  readonly machines: Map<string, DemoMachine>;
  tenantName(id: string | undefined): string;
}

export interface FurnishOptions {
  readonly url: string;
  passwordOf(name: string): string;
  tell(hostName: string, line: string): void;
}

/**
 * Fills a new cluster with two companies: people, profiles, intents, machines, and what has happened to them: healthy
 * ones and ones with each kind of trouble.
 */
export async function furnish({ url, passwordOf, tell }: FurnishOptions): Promise<Company> {
  const admin = await logIn(url, "admin", passwordOf("admin"));
  const tenants = new Map<string, string>();
  for (const name of [hanse, dairy]) tenants.set(name, (await admin.send("POST", "/tenants", { name })).id);
  const tenantId = (name: string) => tenants.get(name) ?? "";
  for (const { name, role, tenant, isAdmin } of people) {
    if (isAdmin) continue;
    const roles = [{ role, tenantId: tenant === undefined ? null : tenantId(tenant) }];
    await admin.send("POST", "/users", { name, password: passwordOf(name), roles });
  }
  const as = new Map([["admin", admin]]);
  const acting = async (name: string): Promise<Caller> => {
    const caller = as.get(name) ?? (await logIn(url, name, passwordOf(name)));
    as.set(name, caller);
    return caller;
  };

  const auditing = [{ role: "auditor", tenantId: null }];
  await admin.send("POST", "/api-keys", { name: "nightly-report", roles: auditing, validDays: 30 });

  const owners = new Map([
    [hanse, await acting("henrik")],
    [dairy, await acting("greta")],
  ]);
  const profileIds = new Map<string, string>();
  for (const { tenant, name, settings, intent } of profiles) {
    const owner = owners.get(tenant) ?? admin;
    const { id } = await owner.send("POST", "/profiles", { tenantId: tenantId(tenant), name, ...settings });
    profileIds.set(name, id);
    if (intent) await owner.send("POST", "/intents", { tenantId: tenantId(tenant), profileId: id, ...intent });
  }
  await switchDefaultOn(owners.get(dairy) ?? admin, tenantId(dairy));

  const names = new Map([...tenants].map(([name, id]) => [id, name]));
  const company: Company = { machines: new Map(), tenantName: (id) => names.get(id ?? "") ?? "another" };
  for (const [tenant, by] of [
    [hanse, "ingrid"],
    [dairy, "greta"],
  ] as const) {
    const own = machines.filter((machine) => machine.tenant === tenant);
    const key = await activationKey(await acting(by), tenantId(tenant), "first machines", own.length);
    const agents = await startFleet({ cluster: url, key, workloads: own, tell });
    for (const [index, agent] of agents.entries()) {
      const { labels } = own[index] ?? { labels: [] };
      company.machines.set(agent.workload.hostName.toUpperCase(), { tenant, agent });
      await (owners.get(tenant) ?? admin).send("PATCH", `/agents/${await agentId(agent)}`, { labels });
    }
  }
  const enrolOne = async (workload: Workload, tenant: string, by: string, description: string) => {
    const agent = await startSimulatedAgent(workload, (line) => tell(workload.hostName, line));
    const key = await activationKey(await acting(by), tenantId(tenant), description, 1);
    await agent.command(["-enroll", "-cluster", url, "-key", "-"], key);
    return agent;
  };
  await letThingsHappen({ company, url, acting, profileIds, tenantId, enrolOne });
  return company;
}

async function switchDefaultOn(owner: Caller, tenantId: string): Promise<void> {
  const { items } = await owner.send("GET", `/profiles?tenantId=${tenantId}`);
  const { id } = (items as { id: string; isDefault: boolean }[]).find(({ isDefault }) => isDefault) ?? { id: "" };
  await owner.send("PATCH", `/profiles/${id}`, { serviceProtection: { on: true } });
}

async function activationKey(by: Caller, tenantId: string, description: string, maxUses: number): Promise<string> {
  const made = await by.send("POST", "/activation-keys", { tenantId, description, maxUses });
  return made.key;
}
