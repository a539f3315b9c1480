import { expect, test, vi } from "vitest";
import { type CommandAnswer, refuse } from "./commands.ts";
import { enrolAsInstalled } from "./enrol-as-installed.ts";
import type { InstallerEnrolment, InstallerPort } from "./ports.ts";

const enrolled: CommandAnswer = { v: 1, ok: true, result: { enrolled: { agentId: "a", tenantId: "t" } } };

/** A machine whose installer was told of a cluster; the cluster answers in turn, the last answer for ever. */
function scene(answers: readonly CommandAnswer[], told: InstallerEnrolment | undefined) {
  let kept = told;
  const asked: object[] = [];
  const logged: string[] = [];
  const installer: InstallerPort = {
    isServiceRunning: () => true,
    note: () => {},
    foreignFolder: () => undefined,
    giveBackServices: () => true,
    enrolment: () => kept,
    forgetEnrolment: () => {
      kept = undefined;
    },
  };
  const enroll = async (command: object): Promise<CommandAnswer> => {
    asked.push(command);
    return answers[asked.length - 1] ?? answers.at(-1) ?? enrolled;
  };
  const running = enrolAsInstalled(installer, enroll, { random: () => 0, log: (line) => logged.push(line) });
  return { asked, logged, kept: () => kept, pending: running.pending, stop: running.stop };
}

const told = { cluster: "https://c.example", key: "the-key" };

test("joins what the installer was told, once, and forgets the key", async () => {
  const { asked, kept } = scene([enrolled], told);
  await vi.waitFor(() => expect(kept()).toBeUndefined());
  expect(asked).toEqual([{ command: "enroll", cluster: "https://c.example", key: "the-key" }]);
});

test("tries again while the cluster cannot be reached, and keeps the key for it", async () => {
  const unreachable = refuse("cluster_unreachable");
  const { asked, kept, logged, pending } = scene([unreachable, unreachable, enrolled], told);
  await vi.waitFor(() => expect(kept()).toBeUndefined());
  expect(pending()).toBeUndefined();
  expect(asked).toHaveLength(3);
  expect(logged.join()).not.toContain("the-key");
});

test("says meanwhile what it waits for", async () => {
  const { pending, stop } = scene([refuse("cluster_unreachable")], told);
  expect(pending()).toEqual({ cluster: told.cluster });
  await vi.waitFor(() => expect(pending()).toEqual({ cluster: told.cluster, trouble: "cluster_unreachable" }));
  stop();
});

test.each(["activation_key_revoked", "already_enrolled", "key_malformed"])("%s is final", async (code) => {
  const { asked, kept } = scene([refuse(code)], told);
  await vi.waitFor(() => expect(kept()).toBeUndefined());
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(asked).toHaveLength(1);
});

test("a file that cannot be read is waited for, until the service ends", async () => {
  const { asked, kept, logged, stop } = scene([enrolled], { cluster: "https://c.example", keyFile: "/nowhere/key" });
  await vi.waitFor(() => expect(logged.length).toBeGreaterThan(1));
  stop();
  expect(asked).toEqual([]);
  expect(kept()).toBeDefined();
});

test("told nothing, it does nothing", () => {
  expect(scene([enrolled], undefined).asked).toEqual([]);
});
