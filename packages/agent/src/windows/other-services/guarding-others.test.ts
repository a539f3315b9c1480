import { truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fakeAuthority } from "../../authority.fixture.ts";
import { type FakeCluster, fakeCluster } from "../../fake-cluster.fixture.ts";
import type { Guard } from "../../ports.ts";
import { testAgent } from "../../test-agent.fixture.ts";
import { FakeMachine, fakeService, ordinaryKey, ordinaryService, reduced } from "./fake-services.fixture.ts";
import { guardingOthers } from "./guarding-others.ts";

const authority = fakeAuthority();
let cluster: FakeCluster;
let machine: FakeMachine;
/** Those whose changes the system tells of, and how it does. */
let watched: Map<string, () => void>;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  machine = new FakeMachine({ Sysmon64: fakeService(), osqueryd: fakeService() });
  watched = new Map();
  cluster = await fakeCluster(authority, { profile: { on: true, services: ["Sysmon64", "Nobody"] } });
  closing.push(() => cluster.close());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The real service behind a guard whose own layers do nothing. */
async function protectedAgent() {
  const own: Guard = {
    supported: true,
    arm: () => ({ own: "on" }),
    disarm: () => ({ own: "off" }),
    restore: () => ({ layers: { own: "on" }, drifts: [] }),
    watch: () => ({ close() {} }),
  };
  const watch = (name: string, changed: () => void) => {
    watched.set(name, changed);
    return { close: () => void watched.delete(name) };
  };
  const agent = await testAgent({ guardLookMs: 600_000 }, guardingOthers(own, machine.others, watch));
  closing.push(agent.end);
  await agent.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey });
  await agent.until(({ protection, journalWaiting }) => protection.state === "on" && journalWaiting === 0);
  return agent;
}

const journaled = (wanted: string) =>
  [...cluster.journal.values()].filter(({ kind }) => kind === wanted).map(({ data }) => data);

test("what the profile names is guarded, told to the cluster and shown, with the reasons of those that are not", async () => {
  const agent = await protectedAgent();
  const services = [
    { name: "Sysmon64", state: "guarded" },
    { name: "Nobody", state: "not_present" },
  ];
  const { protection } = await agent.status();
  expect(protection).toMatchObject({ layers: { own: "on", otherServices: "on" }, services });
  await cluster.until(() => cluster.checkIns.at(-1)?.protection.services !== undefined);
  expect(cluster.checkIns.at(-1)?.protection.services).toEqual(services);
  await cluster.until(() => journaled("service_left_alone").length > 0);
  expect(journaled("service_left_alone")).toEqual([{ service: "Nobody", reason: "not_present" }]);
  expect(machine.descriptor("Sysmon64")).toBe(reduced.service);
  expect(machine.descriptor("osqueryd")).toBe(ordinaryService);
});

test("a profile that names others reaches the services, and a lift and its end do", async () => {
  const agent = await protectedAgent();
  cluster.setProfile({ services: ["osqueryd"] });
  await agent.until(({ protection }) => protection.services?.[0]?.name === "osqueryd");
  expect(machine.descriptor("Sysmon64")).toBe(ordinaryService);
  expect(machine.descriptor("osqueryd")).toBe(reduced.service);
  const token = await authority.token(Math.floor(Date.now() / 1000));
  expect(await agent.ask({ command: "unprotect", token })).toMatchObject({ ok: true });
  expect(machine.descriptor("osqueryd")).toBe(ordinaryService);
  expect((await agent.status()).protection.services).toEqual([{ name: "osqueryd", state: "not_guarded" }]);
  expect(await agent.ask({ command: "protect" })).toMatchObject({ ok: true });
  expect(machine.descriptor("osqueryd")).toBe(reduced.service);
  cluster.setProfile({ on: false });
  await agent.until(({ protection }) => protection.state === "off");
  expect(machine.descriptor("osqueryd")).toBe(ordinaryService);
});

test("a change that the system tells of is set back and journaled by name; only guarded services are watched", async () => {
  const agent = await protectedAgent();
  expect([...watched.keys()]).toEqual(["Sysmon64"]);
  machine.change("Sysmon64", "key", ordinaryKey);
  watched.get("Sysmon64")?.();
  await cluster.until(() => journaled("drift").length > 0);
  expect(journaled("drift")).toEqual([
    { layer: "otherServices", service: "Sysmon64", found: "key descriptor", setBack: true },
  ]);
  expect(machine.descriptor("Sysmon64", "key")).toBe(`O:BA${reduced.key}`);
  cluster.setProfile({ services: [] });
  await agent.until(({ protection }) => protection.services === undefined);
  expect([...watched.keys()]).toEqual([]);
});

test.each(["state", "trust-anchor"])("with a damaged %s those that are guarded stay it", async (file) => {
  const agent = await protectedAgent();
  await agent.stop();
  // Nor can the cluster say which are wanted.
  await cluster.close();
  truncateSync(join(agent.folder, file), 200);
  machine.change("Sysmon64", "service", ordinaryService);
  await agent.start();
  expect(machine.descriptor("Sysmon64")).toBe(reduced.service);
});
