import { readFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FakeAgent } from "../../packages/cluster/src/check-in/fake-agent.fixture.ts";
import { call } from "../../packages/cluster/test/http-client.ts";
import { toUnixSeconds, verify } from "../../packages/token/src/index.ts";
import { expectAccessible, logIn, newPerson, type Person, startBrowser, takePictures } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

let scene: Scene;
let browser: Awaited<ReturnType<typeof startBrowser>>;
let admin: Person;
let cutOff: FakeAgent;
let bare: FakeAgent;
let gone: FakeAgent;

beforeAll(async () => {
  [scene, browser] = await Promise.all([startScene(), startBrowser()]);
  const acme = await scene.makeTenant("Acme Retail");
  await scene.switchProtection(acme.profileId, true);
  await call(scene.cluster, scene.admin, "POST", "/profiles", { tenantId: acme.id, name: "Tills of the shops" });
  await scene.makeUser("tilda", "auditor", acme.id);
  const [, ...silent] = await scene.enrolAgents(acme.id, [
    { hostName: "ws-01" },
    ...["ws-cut", "ws-bare", "ws-behind", "ws-gone"].map((hostName) => ({ hostName, silent: true })),
  ]);
  const [first, second, , fourth] = silent;
  if (first === undefined || second === undefined || fourth === undefined) throw new Error("no agents");
  [cutOff, bare, gone] = [first, second, fourth];
  await Promise.all([report(cutOff), report(bare, "off"), report(gone)]);
  await call(scene.cluster, scene.admin, "DELETE", `/agents/${gone.agentId}`);
  admin = await newPerson(browser, scene.cluster);
  await logIn(admin, "admin", scene.cluster.adminPassword);
});
afterAll(async () => {
  await browser?.close();
  await scene?.end();
});

/** The agent says what it has applied, and does not wait for what comes after that. */
async function report(agent: FakeAgent, state: "on" | "off" = "on"): Promise<void> {
  const protection = { state, since: Date.now(), layers: {} };
  await agent.checkIn({ protection }, AbortSignal.timeout(1_000)).catch(() => undefined);
}

/** As if an hour had passed since it checked in last; it does not check in any more. */
async function anHourPasses({ agentId }: FakeAgent): Promise<void> {
  // What it reported is stored in batches.
  await pause(1_500);
  const database = new DatabaseSync(scene.databaseFile, { timeout: 10_000 });
  const hourMs = 3_600_000;
  database
    .prepare("update presence set seen_at = seen_at - ?1, due_at = due_at - ?1 where agent_id = ?2")
    .run(hourMs, agentId);
  database.close();
}

const hostNames = () => admin.page.locator('td[data-column="hostName"] a').allInnerTexts();
const gaps = () => admin.page.locator('td[data-column="gap"]').allInnerTexts();
const view = (name: string) => admin.page.getByRole("radiogroup", { name: "View" }).getByText(name);

test("Protection gaps: whose protection is not the one wanted, each with the reason", async () => {
  const { page } = admin;
  await page.getByRole("link", { name: "ws-01" }).waitFor();
  await view("Protection gaps").click();
  await page.waitForURL((url) => url.search === "?view=protection_gaps");
  await expect.poll(hostNames).toEqual(["ws-bare", "ws-behind"]);
  expect(await gaps()).toEqual(["Not protected, though its profile wants it", "Has not applied the wanted config yet"]);
  await takePictures(admin, "agent-list-gaps");
  await expectAccessible(admin);
  // It catches up, and leaves the list.
  await report(bare);
  await expect.poll(hostNames, { timeout: 20_000 }).toEqual(["ws-behind"]);
});

test("Cut off: who is protected and silent, until he is heard of again", async () => {
  const { page } = admin;
  await view("Cut off").click();
  await page.getByRole("heading", { name: "No agent is cut off" }).waitFor();
  await anHourPasses(cutOff);
  await page.reload();
  await expect.poll(hostNames).toEqual(["ws-cut"]);
  const row = page.getByRole("row", { name: /ws-cut/ });
  await row.getByText("Inactive").waitFor();
  await row.getByText(/^1 h(r|our)?\.? ago$/).waitFor();
  await takePictures(admin, "agent-list-cut-off");
  await expectAccessible(admin);
  await report(cutOff);
  await page.getByRole("heading", { name: "No agent is cut off" }).waitFor({ timeout: 40_000 });
  await page.getByRole("button", { name: "Show all agents" }).click();
  await page.getByRole("link", { name: "ws-01" }).waitFor();
});

test("a deleted agent is found, and a token for it is downloaded that it accepts", async () => {
  const { page } = admin;
  await page.getByRole("link", { name: "Deleted Agents" }).click();
  await page.getByRole("cell", { name: "Windows ws-gone" }).waitFor();
  await takePictures(admin, "deleted-agents");
  await expectAccessible(admin);
  await page.getByRole("button", { name: "Menu of ws-gone" }).click();
  await page.getByRole("menuitem", { name: "Agent Token" }).click();
  await page.getByLabel("Reason").fill("The machine was kept after all");
  await page.getByRole("button", { name: "Generate token" }).click();
  await page.getByRole("timer").waitFor();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download Token" }).click(),
  ]);
  expect(file.suggestedFilename()).toMatch(/^agent-token-agent-ws-gone-/i);
  const token = (await readFile(await file.path(), "utf8")).trimEnd();
  const { clusterId, tokenKeys } = gone.bundle;
  const { tenantId, agentId } = gone;
  const { aud } = verify(token, { tokenKeys, clusterId, tenantId, agentId, now: toUnixSeconds(Date.now()) });
  expect(aud).toBe(`agent:${agentId}`);
  await page.getByRole("button", { name: "Close" }).last().click();
});

test("Ctrl-K finds tenants, users and profiles, too, and leads there", async () => {
  const { page, complaints } = admin;
  const dialog = page.getByRole("dialog");
  for (const [typed, found, heading] of [
    ["acme", "Acme Retail", "Agent List"],
    ["tilda", "tilda", "Users & Roles"],
    ["tills of", "Tills of the shops", "Tills of the shops"],
  ] as const) {
    await page.keyboard.press("Control+k");
    await page.getByLabel("Search everything").fill(typed);
    await dialog.getByText(found, { exact: true }).waitFor();
    if (typed === "tilda") await takePictures(admin, "search-user", [1280]);
    await dialog.locator("[data-selected]").getByText(found, { exact: true }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: heading, level: 1 }).waitFor();
  }
  expect(complaints).toEqual([]);
});
