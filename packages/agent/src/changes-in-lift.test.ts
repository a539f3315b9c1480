import { fitsJournal } from "@postern/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fakeAuthority } from "./authority.fixture.ts";
import { changesInLift } from "./changes-in-lift.ts";
import { type FakeCluster, fakeCluster } from "./fake-cluster.fixture.ts";
import type { Guard } from "./ports.ts";
import { testAgent } from "./test-agent.fixture.ts";

describe("gathered", () => {
  let found: { layer: string; found: string }[];
  const changes = () => changesInLift({ changedInLift: () => found });
  beforeEach(() => {
    found = [{ layer: "serviceConfig", found: "startType" }];
  });

  test("over several looks, and told once", () => {
    const gathered = changes();
    gathered.look();
    found = [{ layer: "cleanRegistry", found: "PosternAgent.exe" }];
    expect(gathered.settle({})).toBe("serviceConfig (startType), cleanRegistry (PosternAgent.exe)");
    found = [];
    expect(gathered.settle({})).toBeUndefined();
  });

  test("not of a layer that the lift could not set: there the platform has none", () => {
    found.push({ layer: "files", found: "descriptor" });
    expect(changes().settle({ serviceConfig: "off", files: "failed: no descriptors" })).toBe(
      "serviceConfig (startType)",
    );
  });

  test("a guard that fails at it keeps nothing from coming back", () => {
    const failing = () => {
      throw new Error("Windows error 5");
    };
    expect(changesInLift({ changedInLift: failing }).settle({})).toBeUndefined();
  });

  test.each(["\u0001", "\\", "語"])("made of %j, it fits the entry", (character) => {
    found = Array.from({ length: 20 }, (_, index) => ({ layer: `layer${index}`, found: character.repeat(100) }));
    const changed = changes().settle({}) ?? "";
    const data = { cause: "restarted_and_reached", jti: "0".repeat(36), leftSeconds: 86_400, changed };
    expect(fitsJournal(data)).toBe(true);
  });
});

describe("on an agent", { timeout: 30_000 }, () => {
  const authority = fakeAuthority();
  const now = () => Math.floor(Date.now() / 1000);
  let cluster: FakeCluster;
  const closing: (() => Promise<unknown>)[] = [];
  beforeEach(async () => {
    cluster = await fakeCluster(authority, { profile: { on: true } });
    closing.push(() => cluster.close());
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  /** A guard with two things to change: a start type that stays, and a descriptor that a start during the lift sets. */
  function changeableGuard() {
    const changed = { startType: false, descriptor: false };
    const set = (on: "on" | "off") => {
      changed.descriptor = false;
      if (on === "on") changed.startType = false;
      return { config: on, key: on };
    };
    const guard: Guard = {
      supported: true,
      arm: () => set("on"),
      disarm: () => set("off"),
      restore: () => ({ layers: { config: "on", key: "on" }, drifts: [] }),
      changedInLift: () => [
        ...(changed.startType ? [{ layer: "config", found: "startType" }] : []),
        ...(changed.descriptor ? [{ layer: "key", found: "descriptor" }] : []),
      ],
      watch: () => ({ close() {} }),
    };
    return { guard, changed };
  }

  async function liftedAgent() {
    const { guard, changed } = changeableGuard();
    const agent = await testAgent({}, guard);
    closing.push(agent.end);
    await agent.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey });
    await agent.until(({ protection, journalWaiting }) => protection.state === "on" && journalWaiting === 0);
    await agent.ask({ command: "unprotect", token: await authority.token(now()) });
    return { agent, changed };
  }

  const rearmed = () => [...cluster.journal.values()].filter(({ kind }) => kind === "rearmed").map(({ data }) => data);

  test("the entry of protection coming back says what was changed meanwhile, and nothing else is told of it", async () => {
    const { agent, changed } = await liftedAgent();
    changed.startType = true;
    await agent.ask({ command: "protect" });
    await expect.poll(rearmed).toEqual([expect.objectContaining({ cause: "command", changed: "config (startType)" })]);
    expect([...cluster.journal.values()].map(({ kind }) => kind)).not.toContain("drift");
    expect(changed.startType).toBe(false);
  });

  test("what a start during the lift sets back is told too", async () => {
    const { agent, changed } = await liftedAgent();
    await agent.stop();
    changed.startType = true;
    changed.descriptor = true;
    await agent.start();
    await expect.poll(rearmed, { timeout: 5_000 }).toEqual([
      expect.objectContaining({
        cause: "restarted_and_reached",
        changed: "config (startType), key (descriptor)",
      }),
    ]);
  });

  test("and nothing is said when nothing was changed", async () => {
    const { agent } = await liftedAgent();
    await agent.ask({ command: "protect" });
    await expect.poll(rearmed).toHaveLength(1);
    expect(rearmed()[0]).not.toHaveProperty("changed");
  });
});
