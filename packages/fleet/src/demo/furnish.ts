import { startFleet } from "../fleet.ts";
import { type SimulatedAgent, startSimulatedAgent } from "../simulated-agent.ts";
import { ApiRefused, type Caller, logIn } from "./api.ts";
import { cutOff, dairy, hanse, machines, people, profiles } from "./company.ts";

/** A machine of the demo and the agent on it. */
export interface DemoMachine {
  readonly tenant: string;
  readonly agent: SimulatedAgent;
}

export interface Company {
  /** By the host name with which each machine was set up, in capitals. */
  readonly machines: Map<string, DemoMachine>;
  /** Ids of the tenants by name. */
  readonly tenants: ReadonlyMap<string, string>;
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

  const company: Company = { machines: new Map(), tenants };
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
  await letThingsHappen({ company, url, acting, profileIds, tenantId, tell });
  return company;
}

interface Scene {
  readonly company: Company;
  readonly url: string;
  acting(name: string): Promise<Caller>;
  readonly profileIds: ReadonlyMap<string, string>;
  tenantId(name: string): string;
  tell(hostName: string, line: string): void;
}

/** The past of the demo: protection is switched on, machines are lost, tokens are generated, redeemed and refused. */
async function letThingsHappen({ company, url, acting, profileIds, tenantId, tell }: Scene): Promise<void> {
  const machine = (hostName: string): SimulatedAgent => {
    const known = company.machines.get(hostName);
    if (known === undefined) throw new Error(`The demo has no machine ${hostName}.`);
    return known.agent;
  };
  const henrik = await acting("henrik");
  const workstations = `/profiles/${profileIds.get("Workstations")}`;

  // Switched off before protection came: it lacks what its profile says.
  await machine("BRE-WS-007").stop();
  await henrik.send("PATCH", workstations, { serviceProtection: { on: true } });
  await henrik.send("PATCH", workstations, { serviceProtection: { liftSeconds: 28_800 } });
  await henrik.send("POST", `${workstations}/rollback`, { version: 2 });
  await Promise.all(machines.map(({ hostName }) => settled(machine(hostName.toUpperCase()))));

  const sofia = await acting("sofia");
  const tokenFor = async (by: Caller, hostName: string, reason: string, ticket?: string) => {
    const target = { kind: "agent", agentId: await agentId(machine(hostName)) };
    const made = await by.send("POST", "/agent-tokens", { ...target, reason, ...(ticket && { ticket }) });
    return made as { id: string; token: string };
  };

  // In maintenance: lifted, and still connected.
  const customs = await tokenFor(sofia, "HAM-WS-022", "customs software needs the agent stopped", "INC-20417");
  await machine("HAM-WS-022").command(["-unprotect", customs.token]);
  // Done: lifted and protected again.
  const done = await tokenFor(await acting("admin"), "KEM-WS-004", "agent takes all of one processor", "INC-20388");
  await machine("KEM-WS-004").command(["-unprotect", done.token]);
  await machine("KEM-WS-004").command(["-protect"]);
  // Somebody tries the token of another machine, and makes one up.
  for (let attempt = 0; attempt < 4; attempt++) await machine("HAM-FS-01").command(["-unprotect", customs.token]);
  await machine("HAM-FS-01").command(["-unprotect", "eyJhbGciOiJub25lIn0.e30."]);
  // One was not needed after all.
  const revoked = await tokenFor(await acting("ingrid"), "RTM-WS-002", "reinstallation, called off");
  await sofia.send("DELETE", `/agent-tokens/${revoked.id}`);
  const site = { kind: "tenant", tenantId: tenantId(dairy), reason: "Kempten without network", ticket: "INC-20402" };
  await sofia.send("POST", "/agent-tokens", site);
  // What is refused stands in the audit log, too.
  const wide = { kind: "tenant", tenantId: tenantId(hanse), reason: "for all of them, to be quick" };
  for (const name of ["henrik", "ingrid"]) await refused((await acting(name)).send("POST", "/agent-tokens", wide));
  await refused(logIn(url, "sofia", "not her password at all"));

  // A renamed machine would fall out of its intent: facts alone do not take protection away.
  const renamed = machine("RTM-WS-009");
  await renamed.stop();
  renamed.rename("RTM-LOAN-09");
  await renamed.start();
  // A guard that cannot do all of its work.
  const hindered = machine("BZO-WS-002");
  await hindered.stop();
  hindered.breakLayer("serviceKeyDacl", "Access is denied. (5)");
  await hindered.start();
  // Set up anew without its old identity: the cluster cannot know that it is the same machine.
  await machine("BRE-KIOSK-01").stop();
  const kiosk = machine("BRE-KIOSK-01").workload;
  const again = await startSimulatedAgent(kiosk, (line) => tell(kiosk.hostName, line));
  const key = await activationKey(await acting("ingrid"), tenantId(hanse), "kiosk, new disk", 1);
  await again.command(["-enroll", "-cluster", url, "-key", "-"], key);
  company.machines.set("BRE-KIOSK-01", { tenant: hanse, agent: again });
  // Silent, and nobody knows why.
  await machine("RTM-SCAN-03").stop();
  machine(cutOff).cut();
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

/** What the agent itself says that it is. */
export async function statusOf(agent: SimulatedAgent): Promise<{ agentId?: string; protection: { state: string } }> {
  const { out } = await agent.command(["-status", "-json"]);
  return out === "" ? { protection: { state: "unknown" } } : JSON.parse(out);
}

async function agentId(agent: SimulatedAgent): Promise<string> {
  return (await statusOf(agent)).agentId ?? "";
}

const settledWithinMs = 5_000;

/** Waits until an agent has applied the labels' and the profile's changes: as long as its revision still rises. */
async function settled(agent: SimulatedAgent): Promise<void> {
  if (!agent.isRunning()) return;
  const read = async () => JSON.stringify((await agent.command(["-status", "-json"])).out.match(/"rev": \d+/));
  const giveUpAt = performance.now() + settledWithinMs;
  let before = await read();
  for (let quiet = 0; quiet < 5 && performance.now() < giveUpAt; ) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = await read();
    quiet = now === before ? quiet + 1 : 0;
    before = now;
  }
}

/** Lets something be refused, as it was meant to be. */
async function refused(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof ApiRefused)) throw error;
    return;
  }
  throw new Error("The demo's cluster did not refuse what it should have refused.");
}
