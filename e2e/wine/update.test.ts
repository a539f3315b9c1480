/**
 * Updates: installed with everything that a large site gives the installer, the agent is replaced while it is protected
 * and during a lift, by what its cluster lists and by nothing else. The chapters build on one another.
 */
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { productCode } from "../../packages/agent/build/msi.ts";
import manifest from "../../packages/agent/package.json" with { type: "json" };
import { type Caller, call, listAll, logInAsAdmin } from "../../packages/cluster/test/http-client.ts";
import { type RunningCluster, startCluster } from "../../packages/cluster/test/running-cluster.ts";
import { chapter } from "../chapter.ts";
import { judge } from "../judge.ts";
import { laterVersions, packageFile } from "../packages.ts";
import { eventually } from "../steps.ts";
import { type WindowsMachine, windowsMachine } from "../windows-machine.ts";
import { type AgentService, installedAgent } from "./agent-service.ts";
import { msiexec } from "./msiexec.ts";
import { type SecuredWay, securedWay } from "./secured-way.ts";

const updateMs = 120_000;
/** As in installer/agent.wxs. */
const upgradeCode = "{6C2F8E0A-4A0B-4B52-9C0E-3B7D51C4E9A7}";
const uninstallKey = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall";

let machine: WindowsMachine;
let cluster: RunningCluster;
let way: SecuredWay;
let admin: Caller;
let agent: AgentService;
let tenantId: string;
let profileId: string;
let agentId: string;
let logs = 0;

beforeAll(async () => {
  for (const name of ["ours", "newer", "newest"] as const) packageFile(name);
  [machine, cluster] = await Promise.all([windowsMachine(), startCluster()]);
  way = await securedWay(cluster.url);
  admin = await logInAsAdmin(cluster);
  tenantId = (await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name: "acme" })).id;
  const [profile] = await listAll<{ id: string }>(cluster, admin, `/profiles?tenantId=${tenantId}`);
  profileId = profile?.id ?? "";
  agent = installedAgent(machine);
  for (const name of ["ours", "newer", "newest"] as const)
    copyFileSync(packageFile(name), join(machine.driveC, `${name}.msi`));
  // Three packages of ninety megabytes are built, where nobody has done that before.
}, 300_000);

afterAll(async () => {
  await Promise.all([machine?.close(), cluster?.remove()]);
  way?.close();
});

chapter("installs with a file for the key, a certificate of one's own and a proxy, and joins by them", async () => {
  const { key } = await call<{ key: string }>(cluster, admin, "POST", "/activation-keys", { tenantId });
  writeFileSync(join(machine.driveC, "key.txt"), `${key}\r\n`);
  writeFileSync(join(machine.driveC, "ca.pem"), way.certificate);
  const properties = ["ACTIVATIONKEYFILE=C:\\key.txt", "CAFILE=C:\\ca.pem", `CLUSTER=${way.url}`, `PROXY=${way.proxy}`];
  expect((await install("ours", properties)).code).toBe(0);
  const found = await eventually("the agent has enrolled", 20_000, async () => (await agents())[0]);
  agentId = found.id;
  expect(found.agentVersion).toBe(manifest.version);
  expect(way.proxied()).toBeGreaterThan(0);
});

chapter(
  "protected, a newer package is refused that its cluster does not list, with a sentence in the log",
  async () => {
    await setProfile({ serviceProtection: { on: true } });
    await eventually("protection is on", 15_000, async () => (await protection()) === "on" || undefined);
    const { code, log } = await install("newer");
    expect(code).not.toBe(0);
    expect(log).toContain("not among those that its cluster allows");
    expect(await agent.isRunning()).toBe(true);
    const [refused] = await eventually("it is told", 10_000, () => journal("update_refused"));
    expect(refused?.data).toMatchObject({ code: "package_not_listed" });
  },
);

chapter("the version that its profile wants is fetched, checked and installed, and protection stays on", async () => {
  await upload("newer");
  await setProfile({ desiredVersion: laterVersions.newer });
  await updatedTo("newer");
  const { code } = await agent.sc("stop");
  expect(code).not.toBe(0);
  expect(await agent.isRunning()).toBe(true);
  const status = JSON.parse((await agent.command(["-status", "-json"])).stdout);
  expect(status).toMatchObject({ agentId, agentVersion: laterVersions.newer, protection: { state: "on" } });
  expect(status.update).toBeUndefined();
  expect(await installedVersions()).toEqual([laterVersions.newer]);
  expect(existsSync(join(machine.driveC, "ProgramData/Postern/updates/PosternAgent.msi"))).toBe(false);
});

chapter("the version of before does not replace it", async () => {
  const { code, log } = await install("ours");
  expect(code).not.toBe(0);
  expect(log).toMatch(/WIX_DOWNGRADE_DETECTED = \{/);
  expect(await installedVersions()).toEqual([laterVersions.newer]);
  expect(await agent.isRunning()).toBe(true);
});

chapter("an update during a lift does not end it", async () => {
  const { token } = await call<{ token: string }>(cluster, admin, "POST", "/agent-tokens", {
    kind: "agent",
    agentId,
    reason: "maintenance",
  });
  expect((await agent.command(["-unprotect", token])).code).toBe(0);
  await upload("newest");
  await setProfile({ desiredVersion: laterVersions.newest });
  await updatedTo("newest");
  expect(await protection()).toBe("lifted");
  expect(await journal("rearmed")).toBeUndefined();
});

chapter("cut off and lifted it is uninstalled, and nothing of it is left but its logs", async () => {
  await cluster.stop();
  const { code } = await run(["/x", "C:\\newest.msi"]);
  expect(code).toBe(0);
  expect((await agent.sc("query")).code).not.toBe(0);
  expect(existsSync(join(machine.driveC, "Program Files/Postern"))).toBe(false);
  expect(readdirSync(join(machine.driveC, "ProgramData/Postern"))).toEqual(["logs"]);
  expect(await installedVersions()).toEqual([]);
});

function install(name: "ours" | "newer", properties: readonly string[] = []) {
  return run(["/i", `C:\\${name}.msi`, ...properties]);
}

function run(args: readonly string[]) {
  return msiexec(machine, `msi-update-${++logs}.log`, args);
}

/**
 * Asks the cluster, not the agent's command line: that runs from the very file that is being replaced, and while it runs
 * Wine's installer leaves the file to the next start.
 */
async function updatedTo(name: keyof typeof laterVersions): Promise<void> {
  const version = laterVersions[name];
  await eventually(`the agent is of version ${version}`, updateMs, async () => {
    const [found] = await agents();
    return found?.agentVersion === version || undefined;
  });
  expect((await agents()).map(({ id }) => id)).toEqual([agentId]);
  const updates = await eventually("the update is told", 10_000, async () => {
    const told = (await journal("updated")) ?? [];
    return told.some(({ data }) => data["version"] === version) ? told : undefined;
  });
  expect(updates.length).toBe(name === "newer" ? 1 : 2);
  await eventually("the installer has done", updateMs, async () =>
    (await installedVersions()).join() === version ? true : undefined,
  );
  if (judge === "wine") await rememberUpgradeCode(version);
  // The service is told last, and closes its guard.
  await eventually("the package is removed", 30_000, () =>
    existsSync(join(machine.driveC, "ProgramData/Postern/updates/PosternAgent.msi")) ? undefined : true,
  );
}

async function upload(name: keyof typeof laterVersions): Promise<void> {
  const response = await fetch(`${cluster.url}/api/v1/agent-packages`, {
    method: "POST",
    headers: { ...admin.headers, "content-type": "application/octet-stream" },
    body: readFileSync(packageFile(name)),
  });
  if (!response.ok) throw new Error(`upload: ${response.status} ${await response.text()}`);
}

async function setProfile(patch: Record<string, unknown>): Promise<void> {
  await call(cluster, admin, "PATCH", `/profiles/${profileId}`, patch);
}

interface Found {
  readonly id: string;
  readonly agentVersion: string;
  readonly protection: string | null;
}

function agents(): Promise<Found[]> {
  return listAll(cluster, admin, `/agents?tenantId=${tenantId}`);
}

async function protection(): Promise<string | null> {
  return (await call<Found>(cluster, admin, "GET", `/agents/${agentId}`)).protection;
}

async function journal(kind: string): Promise<{ data: Record<string, unknown> }[] | undefined> {
  const entries = await listAll<{ data: Record<string, unknown> }>(
    cluster,
    admin,
    `/agents/${agentId}/journal?kind=${kind}`,
  );
  return entries.length > 0 ? entries : undefined;
}

/**
 * Wine forgets which product an upgrade code has when the product of before is taken out, and would not know the next
 * package as its upgrade. Windows does not.
 */
async function rememberUpgradeCode(version: string): Promise<void> {
  for (const installer of ["Classes\\Installer", "Microsoft\\Windows\\CurrentVersion\\Installer"]) {
    const key = `HKLM\\SOFTWARE\\${installer}\\UpgradeCodes\\${packed(upgradeCode)}`;
    const { code } = await machine.run("reg", ["add", key, "/v", packed(productCode(version)), "/f"]);
    expect(code).toBe(0);
  }
}

/** A GUID as Windows Installer writes it in keys: each of its parts backwards, of the last two each byte. */
function packed(guid: string): string {
  const [first = "", second = "", third = "", ...bytes] = guid.replace(/[{}]/g, "").split("-");
  const backwards = (text: string) => [...text].reverse().join("");
  return [first, second, third, ...(bytes.join("").match(/../g) ?? [])].map(backwards).join("");
}

/** What "Apps and features" shows. */
async function installedVersions(): Promise<string[]> {
  const { stdout } = await machine.run("reg", ["query", uninstallKey, "/s", "/v", "DisplayVersion"]);
  return [...stdout.matchAll(/DisplayVersion\s+REG_SZ\s+(\S+)/g)].map(([, version]) => version ?? "");
}
