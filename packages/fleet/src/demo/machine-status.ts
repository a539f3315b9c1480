import type { SimulatedAgent } from "../simulated-agent.ts";

/** Of what the agent's `-status -json` says, the part that the demo reads. */
export interface MachineStatus {
  readonly agentId?: string;
  readonly tenantId?: string;
  readonly protection: { readonly state: string };
}

/** What the agent itself says that it is. */
export async function statusOf(agent: SimulatedAgent): Promise<MachineStatus> {
  const { out } = await agent.command(["-status", "-json"]);
  return out === "" ? { protection: { state: "unknown" } } : JSON.parse(out);
}

export async function agentId(agent: SimulatedAgent): Promise<string> {
  return (await statusOf(agent)).agentId ?? "";
}

const settledWithinMs = 5_000;

/** Waits until an agent has applied what was changed: as long as its revision still rises. */
export async function settled(agent: SimulatedAgent): Promise<void> {
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
