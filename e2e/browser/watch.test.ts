import { readFile } from "node:fs/promises";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FakeAgent } from "../../packages/cluster/src/check-in/fake-agent.fixture.ts";
import { expectAccessible, logIn, newPerson, type Person, startBrowser, takePictures } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

let scene: Scene;
let browser: Browser;
let admin: Person;
let agent: FakeAgent | undefined;

beforeAll(async () => {
  [scene, browser] = await Promise.all([startScene(), startBrowser()]);
  const tenant = await scene.makeTenant("Nordwind");
  await scene.switchProtection(tenant.profileId, true);
  [agent] = await scene.enrolAgents(tenant.id, [{ hostName: "ws-0007", silent: true }]);
  // What the guard found, and set back.
  agent?.journal("drift", { layer: "service_dacl" });
  await agent?.checkIn({ applied: { rev: 0 } });
  await scene.makeUser("audrey", "auditor", null);
  admin = await newPerson(browser, scene.cluster);
  await logIn(admin, "admin", scene.cluster.adminPassword, "/watch/alarms");
});

afterAll(async () => {
  await browser?.close();
  await scene?.end();
});

test("an alarm is looked at and acknowledged with a comment", async () => {
  const { page } = admin;
  await page.getByRole("cell", { name: "ws-0007", exact: true }).waitFor();
  const navigation = page.getByRole("navigation", { name: "Main" });
  await navigation.getByRole("link", { name: "Alarms 1 open alarm" }).waitFor();
  await takePictures(admin, "alarms");
  await expectAccessible(admin);
  await page.getByRole("button", { name: /Menu of Protection was tampered with/ }).click();
  await page.getByRole("menuitem", { name: "Look at it, acknowledge" }).click();
  await page.getByLabel("What did you find out, or do?").fill("A group policy; the agent is excepted from it now.");
  await takePictures(admin, "alarm");
  await expectAccessible(admin);
  await page.getByRole("button", { name: "Acknowledge", exact: true }).click();
  await page.getByText("Nothing to look at").waitFor();
  await navigation.getByRole("link", { name: "Alarms", exact: true }).waitFor();
  await page.getByRole("radiogroup", { name: "State" }).getByText("All").click();
  await page.getByRole("cell", { name: "ws-0007", exact: true }).waitFor();
});

test("on every page the navigation tells of a new alarm by itself", async () => {
  const { page } = admin;
  await page.goto("/manage/tenants");
  const navigation = page.getByRole("navigation", { name: "Main" });
  await navigation.getByRole("link", { name: "Alarms", exact: true }).waitFor();
  agent?.journal("pipe_taken");
  await agent?.checkIn({ applied: { rev: 0 } });
  await navigation.getByRole("link", { name: /^Alarms 1 open alarm/ }).waitFor();
});

test("the audit log is read, filtered, verified and saved", async () => {
  const { page } = admin;
  await page.goto("/watch/audit");
  await page.getByRole("cell", { name: "alarm.acknowledge", exact: true }).waitFor();
  await page.getByRole("button", { name: "Verify the chains" }).click();
  await page.getByText(/Intact: \d+ entries in 2 chains/).waitFor();
  await takePictures(admin, "audit");
  await expectAccessible(admin);

  await page.getByRole("combobox", { name: "Action" }).click();
  await page.getByRole("option", { name: "agent.enrol" }).click();
  await expect.poll(() => page.getByRole("row").count()).toBe(2);
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Menu of the audit log" }).click();
  await page.getByRole("menuitem", { name: "Download these as JSON lines" }).click();
  const lines = (await readFile(await (await saved).path(), "utf8")).trim().split("\n");
  expect(lines.filter((line) => line.includes('"agent.enrol"'))).toHaveLength(1);

  await page.getByRole("button", { name: /Menu of agent.enrol/ }).click();
  await page.getByRole("menuitem", { name: "The whole entry" }).click();
  await page.getByText("Number in the chain").waitFor();
  await takePictures(admin, "audit-entry");
  await expectAccessible(admin);
});

test("the token key is rotated, with a reason", async () => {
  const { page } = admin;
  await page.goto("/keys");
  await page.getByRole("cell", { name: "Agent tokens", exact: true }).waitFor();
  await page.getByRole("button", { name: "Rotate" }).click();
  await page.getByRole("menuitem", { name: "The key that signs agent tokens" }).click();
  await page.getByLabel("Why").fill("the yearly rotation");
  await takePictures(admin, "key-rotate");
  await page.getByRole("button", { name: "Rotate", exact: true }).last().click();
  await page.getByRole("cell", { name: "Retiring", exact: true }).waitFor();
  await takePictures(admin, "keys");
  await expectAccessible(admin);
  await page
    .getByRole("row", { name: /Retiring/ })
    .getByRole("button")
    .click();
  await page.getByRole("menuitem", { name: "Mark as compromised" }).click();
  await page.getByText(/Held by/).waitFor();
  await takePictures(admin, "key-compromise");
  await page.getByRole("button", { name: "Cancel" }).click();
  expect(admin.complaints).toEqual([]);
});

test("an auditor reads all of it and changes nothing", async () => {
  const audrey = await newPerson(browser, scene.cluster);
  await logIn(audrey, "audrey", "the long password of audrey", "/keys");
  await audrey.page.getByRole("cell", { name: "Agent tokens", exact: true }).first().waitFor();
  expect(await audrey.page.getByRole("button", { name: "Rotate" }).count()).toBe(0);
  await audrey.page.goto("/watch/audit");
  await audrey.page.getByRole("cell", { name: "key.rotate", exact: true }).waitFor();
  expect(audrey.complaints).toEqual([]);
  await audrey.context.close();
});
