import type { SimulatedAgent, Workload } from "../simulated-agent.ts";
import { ApiRefused, type Caller, logIn } from "./api.ts";
import { cutOff, dairy, hanse, leavers, machines } from "./company.ts";
import type { Company } from "./furnish.ts";
import { agentId, settled } from "./machine-status.ts";

/** What the past of the demo is made with. */
export interface Scene {
  readonly company: Company;
  readonly url: string;
  /** Somebody, logged in. */
  acting(name: string): Promise<Caller>;
  readonly profileIds: ReadonlyMap<string, string>;
  tenantId(name: string): string;
  /** One more machine, with an activation key of its own that `by` makes. */
  enrolOne(workload: Workload, tenant: string, by: string, description: string): Promise<SimulatedAgent>;
}

/** The past of the demo: protection is switched on, machines are lost, tokens are generated, redeemed and refused. */
export async function letThingsHappen({ company, url, acting, profileIds, tenantId, enrolOne }: Scene): Promise<void> {
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
  const again = await enrolOne(machine("BRE-KIOSK-01").workload, hanse, "ingrid", "kiosk, new disk");
  company.machines.set("BRE-KIOSK-01", { tenant: hanse, agent: again });
  // One that left the company as it should, and one that was deleted while nobody knows where it is.
  const laptop = await enrolOne(leavers.returned, dairy, "greta", "laptops");
  await settled(laptop);
  await (await acting("greta")).send("POST", `/agents/${await agentId(laptop)}/decommission`, {});
  await settled(laptop);
  await laptop.stop();
  const lost = await enrolOne(leavers.lost, hanse, "ingrid", "laptops");
  await settled(lost);
  const lostId = await agentId(lost);
  await lost.stop();
  await henrik.send("DELETE", `/agents/${lostId}`);
  // Silent, and nobody knows why.
  await machine("RTM-SCAN-03").stop();
  machine(cutOff).cut();
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
