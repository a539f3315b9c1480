import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Authority } from "../../packages/agent/src/authority.fixture.ts";
import type { FakeCluster } from "../../packages/agent/src/fake-cluster.fixture.ts";
import { chapter } from "../chapter.ts";
import { eventually } from "../steps.ts";
import type { WindowsMachine } from "../windows-machine.ts";
import type { AgentService } from "./agent-service.ts";

/** A protected agent and its cluster, once they are there. */
export interface OtherServicesScene {
  readonly machine: WindowsMachine;
  readonly agent: AgentService;
  readonly cluster: FakeCluster;
  readonly authority: Authority;
}

const probe = join(import.meta.dirname, "other-services-probe.ts");
const victim = "Vendor Agent";
const second = "Second Vendor";
const victimKey = `HKLM\\SYSTEM\\CurrentControlSet\\Services\\${victim}`;
const onlyWindows = "Wine's service manager keeps no descriptor of services";

interface Shown {
  readonly objects: readonly { readonly id: string; readonly descriptor: string }[];
  readonly failureActions?: unknown;
}

/** Chapters of a service of another vendor, which the profile names and the agent guards. They build on one another. */
export function otherServicesChapters(scene: () => OtherServicesScene): void {
  let before: Shown;
  let changes = 0;

  chapter("a service that the profile names is guarded, and those that cannot be are told of by name", async () => {
    const { cluster, machine } = scene();
    await makeVictim(victim);
    before = await shown(victim);
    cluster.setProfile({ services: [victim, "Nobody", "PosternAgent", "RpcSs"] });
    await eventually("it is guarded", 20_000, async () => (await isGuarded()) || undefined);
    expect(await refusesWriting()).toBe(true);
    const reported = Object.fromEntries((await reports()).map(({ name, state }) => [name, state]));
    expect(reported).toMatchObject({
      Nobody: "not_present",
      PosternAgent: "refused_own_service",
      RpcSs: "refused_shared_process",
    });
    await expect.poll(leftAlone, { timeout: 20_000 }).toContainEqual({ service: "Nobody", reason: "not_present" });
    expect(await leftAlone()).toContainEqual({ service: "RpcSs", reason: "refused_shared_process" });
    await expect
      .poll(() => cluster.checkIns.at(-1)?.protection.services, { timeout: 20_000 })
      .toContainEqual({
        name: "Nobody",
        state: "not_present",
      });
    expect((await machine.run("sc", ["query", "RpcSs"])).code).toBe(0);
  });

  chapter(
    "an administrator can neither change, delete nor stop it",
    async () => {
      const { machine } = scene();
      expect((await machine.run("sc", ["config", victim, "start=", "disabled"])).stdout).toContain("FAILED 5");
      expect((await machine.run("sc", ["delete", victim])).stdout).toContain("FAILED 5");
      expect((await machine.run("sc", ["stop", victim])).stdout).toContain("FAILED 5");
      expect((await machine.run("sc", ["failure", victim, "reset=", "0", "actions=", ""])).stdout).toContain(
        "FAILED 5",
      );
      expect(await stateOfVictim()).toBe("guarded");
    },
    { judgedBy: "windows", because: onlyWindows },
  );

  chapter("its original descriptor, set again as SYSTEM, is undone and told by name", async () => {
    const key = before.objects.find(({ id }) => id === "key")?.descriptor ?? "";
    await asSystem(victim, "key", key);
    await expect
      .poll(drifts, { timeout: 60_000 })
      .toContainEqual({ layer: "otherServices", service: victim, found: "key descriptor", setBack: true });
    expect(await refusesWriting()).toBe(true);
  });

  chapter(
    "the power goes, and it is guarded when it is back",
    async () => {
      const { machine, agent } = scene();
      await machine.reboot();
      await agent.running();
      expect(await refusesWriting()).toBe(true);
    },
    { judgedBy: "wine", because: "the machine that the tests run on cannot be switched off" },
  );

  chapter("a lift gives it back exactly as it was, and protection takes it again", async () => {
    const { agent } = scene();
    await lift();
    expect(await shown(victim)).toEqual(before);
    expect(await stateOfVictim()).toBe("not_guarded");
    expect(await agent.command(["-protect"])).toMatchObject({ code: 0 });
    expect(await refusesWriting()).toBe(true);
  });

  chapter("a foreign descriptor is left alone, told, and still there when all else is given back", async () => {
    const foreign = "D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;BU)";
    await asSystem(victim, "key\\Parameters", foreign);
    await expect
      .poll(drifts, { timeout: 60_000 })
      .toContainEqual({ layer: "otherServices", service: victim, found: "key descriptor", setBack: false });
    scene().cluster.setProfile({ services: ["Nobody"] });
    await eventually("it is given back", 20_000, async () => {
      const { objects } = await shown(victim);
      const wanted = before.objects.filter(({ id }) => id !== "key\\Parameters");
      return (
        JSON.stringify(objects.filter(({ id }) => id !== "key\\Parameters")) === JSON.stringify(wanted) || undefined
      );
    });
    const left = (await shown(victim)).objects.find(({ id }) => id === "key\\Parameters")?.descriptor;
    expect(left?.slice(left.indexOf("D:"))).toBe(foreign);
    await expect.poll(leftAlone, { timeout: 20_000 }).toContainEqual({ service: victim, reason: "foreign_descriptor" });
    scene().cluster.setProfile({ services: [] });
  });

  chapter(
    "whose process is killed at any step of guarding or giving back, it comes back exactly",
    async () => {
      const { machine } = scene();
      await makeVictim(second);
      const original = await shown(second);
      const folder = "C:\\Originals";
      mkdirSync(join(machine.driveC, "Originals"));
      // The service, its key and the key beneath; what Wine does not keep of the service need not be given back.
      const steps: [string, number][] = [
        ["arm", 0],
        ["arm", 1],
        ["arm", 2],
        ["disarm", 0],
        ["disarm", 1],
      ];
      for (const [what, at] of steps) {
        expect((await run(what, String(at), folder, second)).code, `${what} ${at}`).toBe(9);
        const recovered = await run("recover", folder, second);
        expect(JSON.parse(recovered.stdout), `${what} ${at}`).toMatchObject({ objects: original.objects });
      }
      expect(existsSync(join(machine.driveC, "Originals/other-services"))).toBe(false);
    },
    { judgedBy: "wine", because: "there the probe would have to run as SYSTEM" },
  );

  chapter(
    "what is still guarded when the agent's data is removed comes back first",
    async () => {
      const { machine, agent } = scene();
      await lift();
      await agent.sc("stop");
      await agent.stopped();
      const original = await shown(second);
      expect(await run("disarm", "0", "C:\\ProgramData\\Postern", second)).toMatchObject({ code: 9 });
      expect(await shown(second)).not.toEqual(original);
      expect(await agent.command(["-remove-data"])).toMatchObject({ code: 0 });
      expect(await shown(second)).toEqual(original);
      expect(existsSync(join(machine.driveC, "ProgramData/Postern"))).toBe(false);
    },
    { judgedBy: "wine", because: "there the probe would have to run as SYSTEM" },
  );

  async function makeVictim(name: string): Promise<void> {
    const { machine } = scene();
    const binPath = '"C:\\Vendor\\agent.exe" -service';
    expect((await machine.run("sc", ["create", name, "binPath=", binPath, "start=", "demand"])).code).toBe(0);
    const parameters = `HKLM\\SYSTEM\\CurrentControlSet\\Services\\${name}\\Parameters`;
    expect((await machine.run("reg", ["add", parameters, "/v", "Its", "/d", "own", "/f"])).code).toBe(0);
  }

  function run(...words: string[]) {
    return scene().machine.runScript(probe, words);
  }

  async function shown(name: string): Promise<Shown> {
    const { objects, failureActions } = JSON.parse((await run("show", name)).stdout) as Shown;
    // Windows makes that key when the service is first given a descriptor, and keeps it.
    return { objects: objects.filter(({ id }) => id !== "key\\Security"), failureActions };
  }

  async function refusesWriting(): Promise<boolean> {
    const { machine } = scene();
    return (await machine.run("reg", ["add", victimKey, "/v", "Foreign", "/d", "1", "/f"])).code !== 0;
  }

  /** Runs as services do. */
  async function asSystem(name: string, id: string, descriptor: string): Promise<void> {
    const { machine } = scene();
    const service = `Change${++changes}`;
    const done = `C:\\${service}.txt`;
    const words = ["change", done, `"${name}"`, id, descriptor];
    const binPath = `C:\\tools\\node.exe ${machine.onWindows(probe)} ${words.join(" ")}`;
    expect((await machine.run("sc", ["create", service, "binPath=", binPath, "start=", "demand"])).code).toBe(0);
    await machine.run("sc", ["start", service]);
    await eventually(
      "the change is made",
      20_000,
      () => existsSync(join(machine.driveC, `${service}.txt`)) || undefined,
    );
  }

  async function lift(): Promise<void> {
    const { agent, authority } = scene();
    const token = await authority.token(Math.floor(Date.now() / 1000));
    expect(await agent.command(["-unprotect", token])).toMatchObject({ code: 0 });
  }

  async function reports(): Promise<readonly { name: string; state: string }[]> {
    const { stdout } = await scene().agent.command(["-status", "-json"]);
    const { protection } = JSON.parse(stdout) as { protection: { services?: { name: string; state: string }[] } };
    return protection.services ?? [];
  }

  async function stateOfVictim(): Promise<string | undefined> {
    return (await reports()).find(({ name }) => name === victim)?.state;
  }

  /** Wine keeps what was set of the keys only, and that is told. */
  async function isGuarded(): Promise<boolean> {
    const state = await stateOfVictim();
    return state === "guarded" || state === "failed";
  }

  function journaled(kind: string): unknown[] {
    return [...scene().cluster.journal.values()].filter((entry) => entry.kind === kind).map(({ data }) => data);
  }

  async function leftAlone(): Promise<unknown[]> {
    return journaled("service_left_alone");
  }

  async function drifts(): Promise<unknown[]> {
    return journaled("drift");
  }
}
