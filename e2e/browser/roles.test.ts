import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FakeAgent } from "../../packages/cluster/src/check-in/fake-agent.fixture.ts";
import { toUnixSeconds, verify } from "../../packages/token/src/index.ts";
import { logIn, newPerson, startBrowser } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

type Deployment = "on-prem" | "saas";

interface Expected {
  readonly role: string;
  readonly on: Deployment;
  /** Bound to the tenant, or to the cluster. */
  readonly inTenant: boolean;
  readonly navigation: readonly string[];
  /** What the menu of the Agent List holds, and that of a row. */
  readonly listMenu: readonly string[];
  readonly rowMenu: readonly string[];
  /** The kinds that the dialog offers from the row of a Windows agent; none: there is no dialog for this role. */
  readonly kinds: readonly string[];
  /** Whether Agent Details › Agent Token is open. */
  readonly tokenTab: boolean;
  /** The widest kind of token that the role can download, which an agent then accepts; null: none. */
  readonly downloads: "cluster" | "tenant" | "agent" | null;
  /** Pages that say in words that they are not open. */
  readonly closed: readonly (readonly [path: string, title: string])[];
}

const agentPages = [
  "Agent List",
  "Agent Config Profiles",
  "Agent Config Intents",
  "Install Agent",
  "Packages",
  "Deleted Agents",
];
const own = ["API Keys", "Sessions"];
const csv = "Download these as CSV";
const manages = ["Labels…", "Decommission…", "Delete…"];
const users = ["/manage/users", "Users & Roles"] as const;
const audit = ["/watch/audit", "Audit Log"] as const;
const keys = ["/keys", "Keys"] as const;
const ownerSees = [...agentPages, "Users & Roles", "Tenants", ...own, "Alarms"];
const allPages = [...agentPages, "Users & Roles", "Tenants", ...own, "Alarms", "Audit Log", "Keys"];

const table: readonly Expected[] = [
  {
    role: "site_admin",
    on: "on-prem",
    inTenant: false,
    navigation: allPages,
    listMenu: ["Agent Token", csv],
    rowMenu: ["Agent Token", "Agent Details", ...manages],
    kinds: ["Token For Cluster", "Token For Tenant", "For ws-07"],
    tokenTab: true,
    downloads: "cluster",
    closed: [],
  },
  {
    role: "customer_support",
    on: "on-prem",
    inTenant: false,
    navigation: ownerSees,
    listMenu: ["Agent Token", csv],
    rowMenu: ["Agent Token", "Agent Details"],
    kinds: ["Token For Tenant", "For ws-07"],
    tokenTab: true,
    downloads: "tenant",
    closed: [audit, keys],
  },
  {
    role: "tenant_owner",
    on: "on-prem",
    inTenant: true,
    navigation: ownerSees,
    listMenu: [csv],
    rowMenu: ["Agent Details", ...manages],
    kinds: [],
    tokenTab: false,
    downloads: null,
    closed: [audit, keys],
  },
  {
    role: "tenant_owner",
    on: "saas",
    inTenant: true,
    navigation: ownerSees,
    listMenu: ["Agent Token", csv],
    rowMenu: ["Agent Token", "Agent Details", ...manages],
    kinds: ["Token For Tenant", "For ws-07"],
    tokenTab: true,
    downloads: "tenant",
    closed: [audit, keys],
  },
  {
    role: "agent_installer",
    on: "on-prem",
    inTenant: true,
    navigation: ["Agent List", "Install Agent", "Packages", "Deleted Agents", "Tenants", ...own],
    listMenu: [csv],
    rowMenu: ["Agent Details"],
    kinds: [],
    tokenTab: true,
    downloads: "agent",
    closed: [
      users,
      audit,
      keys,
      ["/manage/workloads/profiles", "Agent Config Profiles"],
      ["/manage/workloads/intents", "Agent Config Intents"],
      ["/watch/alarms", "Alarms"],
    ],
  },
  {
    role: "auditor",
    on: "on-prem",
    inTenant: false,
    navigation: allPages,
    listMenu: [csv],
    rowMenu: ["Agent Details"],
    kinds: [],
    tokenTab: false,
    downloads: null,
    closed: [],
  },
];

interface Stage {
  readonly scene: Scene;
  readonly tenantId: string;
  readonly agent: FakeAgent;
}

let browser: Browser;
const stages = new Map<Deployment, Stage>();

beforeAll(async () => {
  const [started] = await Promise.all([startBrowser(), stageOf("on-prem"), stageOf("saas")]);
  browser = started;
});
afterAll(async () => {
  await browser?.close();
  await Promise.all([...stages.values()].map(({ scene }) => scene.end()));
});

async function stageOf(deployment: Deployment): Promise<void> {
  const scene = await startScene({ env: { POSTERN_DEPLOYMENT: deployment } });
  const { id, profileId } = await scene.makeTenant("Acme");
  await scene.switchProtection(profileId, true);
  const [agent] = await scene.enrolAgents(id, [{ hostName: "ws-07", silent: true }]);
  if (agent === undefined) throw new Error("no agent");
  stages.set(deployment, { scene, tenantId: id, agent });
}

test.each(table)("$role on $on sees what the role may do, and nothing else", async (expected) => {
  const stage = stages.get(expected.on);
  if (stage === undefined) throw new Error("no cluster");
  const { scene, agent } = stage;
  const name = `one-${expected.role}`;
  const password = await scene.makeUser(name, expected.role, expected.inTenant ? stage.tenantId : null);
  const person = await newPerson(browser, scene.cluster);
  const { page } = person;
  await logIn(person, name, password);
  await page.getByRole("link", { name: "ws-07" }).waitFor();
  const entries = page.getByRole("navigation", { name: "Main" }).getByRole("link");
  expect(await entries.allInnerTexts()).toEqual(expected.navigation);

  expect(await menu(page, "Menu of the Agent List")).toEqual(expected.listMenu);
  expect(await menu(page, "Menu of ws-07")).toEqual(expected.rowMenu);
  if (expected.kinds.length > 0) {
    await page.getByRole("button", { name: "Menu of ws-07" }).click();
    await page.getByRole("menuitem", { name: "Agent Token" }).click();
    const offered = page.getByRole("radiogroup", { name: "For what" }).locator("label");
    await offered.first().waitFor();
    expect(await offered.allInnerTexts()).toEqual(expected.kinds);
    if (expected.downloads === "cluster") await page.getByText("Token For Cluster").click();
    if (expected.downloads === "tenant") await page.getByText("Token For Tenant").click();
    expectAccepted(agent, await downloadToken(page), expected.downloads);
  }

  await page.goto(`/manage/workloads/agents/${agent.agentId}?tab=token`);
  if (expected.downloads === "agent") expectAccepted(agent, await downloadToken(page), "agent");
  else if (expected.tokenTab) await page.getByRole("button", { name: "Generate token" }).waitFor();
  else {
    await page.getByRole("heading", { name: "Agent tokens are not open to you" }).waitFor();
    expect(await page.getByRole("button", { name: "Generate token" }).count()).toBe(0);
  }

  for (const [path, title] of expected.closed) {
    await page.goto(path);
    await page.getByRole("heading", { name: `${title} is not open to you` }).waitFor();
  }
  expect(person.complaints).toEqual([]);
  await person.context.close();
});

async function menu(page: Page, name: string): Promise<string[]> {
  await page.getByRole("button", { name, exact: true }).click();
  const items = page.getByRole("menuitem");
  await items.first().waitFor();
  const texts = await items.allInnerTexts();
  await page.keyboard.press("Escape");
  await items.first().waitFor({ state: "detached" });
  return texts;
}

/** Generates as the form stands, downloads, and gives what lies on the disk. */
async function downloadToken(page: Page): Promise<string> {
  await page.getByLabel("Reason").fill("The service hangs");
  await page.getByRole("button", { name: "Generate token" }).click();
  await page.getByRole("timer").waitFor();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download Token" }).click(),
  ]);
  return (await readFile(await file.path(), "utf8")).trimEnd();
}

function expectAccepted(agent: FakeAgent, token: string, kind: Expected["downloads"]): void {
  const { clusterId, tokenKeys } = agent.bundle;
  const { tenantId, agentId } = agent;
  const { aud } = verify(token, { tokenKeys, clusterId, tenantId, agentId, now: toUnixSeconds(Date.now()) });
  expect(aud).toBe({ cluster: "cluster", tenant: `tenant:${tenantId}`, agent: `agent:${agentId}` }[kind ?? "agent"]);
}
