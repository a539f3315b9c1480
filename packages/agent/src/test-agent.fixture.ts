import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clock } from "./clock.ts";
import { type Command, type CommandAnswer, formatCommand, type StatusView } from "./commands.ts";
import type { ServicePorts } from "./enrolled-agent.ts";
import type { Drift, Guard, PackageInstaller } from "./ports.ts";
import { socketClient, socketListener } from "./posix/socket.ts";
import { startService } from "./service.ts";
import { nodeFileSystem } from "./store/file-system.ts";

/** The real service in this process, on a real folder and socket, behind a guard that only remembers. */
export async function testAgent(ports: Partial<ServicePorts> = {}, otherGuard?: Guard, packages?: PackageInstaller) {
  const folder = mkdtempSync(join(tmpdir(), "postern-agent-"));
  const socket = join(folder, "agent.sock");
  const send = socketClient(socket);
  let told: "armed" | "disarmed" | undefined;
  let found: readonly Drift[] = [];
  let looks = 0;
  let look = (): void => {};
  const guard: Guard = {
    supported: true,
    restore() {
      looks++;
      const drifts = found;
      found = [];
      return { layers: { fake: "on" }, drifts };
    },
    watch(changed) {
      look = changed;
      return {
        close() {
          look = () => {};
        },
      };
    },
    arm() {
      told = "armed";
      return { fake: "on" };
    },
    disarm() {
      told = "disarmed";
      return { fake: "off" };
    },
  };
  let all: ServicePorts = {
    platform: {
      name: "windows",
      guard: otherGuard ?? guard,
      listener: socketListener(socket),
      folders: { data: folder },
      ...(packages ? { packages } : {}),
    },
    fs: nodeFileSystem,
    clock,
    agentVersion: "1.2.3",
    builtAtMs: 0,
    newId: randomUUID,
    randomBytes,
    random: () => 0,
    log: () => {},
    ...ports,
  };
  let service: Awaited<ReturnType<typeof startService>> | undefined = await startService(all);

  const agent = {
    folder,
    guard: () => told,
    /** How often it was looked whether the guard still is as it was set. */
    looks: () => looks,
    /** Somebody changes a layer; the platform tells of it, or does not. */
    change(drift: Drift, isTold: boolean) {
      found = [...found, drift];
      if (isTold) look();
    },
    async ask(command: Command): Promise<CommandAnswer> {
      return JSON.parse(await send(formatCommand(command))) as CommandAnswer;
    },
    async status(): Promise<StatusView> {
      const answer = await agent.ask({ command: "status" });
      if (!answer.ok || !("status" in answer.result)) throw new Error("no status");
      return answer.result.status;
    },
    /** Looks until the status is as wanted. */
    async until(condition: (status: StatusView) => boolean): Promise<StatusView> {
      for (;;) {
        const status = await agent.status();
        if (condition(status)) return status;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    async stop(): Promise<void> {
      await service?.onStop("stop");
      service = undefined;
    },
    async start(): Promise<void> {
      service = await startService(all);
    },
    async restart(): Promise<void> {
      await agent.stop();
      await agent.start();
    },
    /** As an installer does it: the old process stops, one of another version starts. */
    async replaceBy(agentVersion: string): Promise<void> {
      await agent.stop();
      all = { ...all, agentVersion };
      await agent.start();
    },
    async end(): Promise<void> {
      await agent.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return agent;
}
