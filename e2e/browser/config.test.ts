import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { call } from "../../packages/cluster/test/http-client.ts";
import { expectAccessible, logIn, newPerson, type Person, startBrowser, takePictures } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

let scene: Scene;
let browser: Browser;
let owner: Person;
let tenant: { readonly id: string; readonly profileId: string };

beforeAll(async () => {
  [scene, browser] = await Promise.all([startScene(), startBrowser()]);
  tenant = await scene.makeTenant("Nordwind");
  await scene.enrolAgents(tenant.id, [
    { hostName: "ws-0007", labels: ["payroll"] },
    { hostName: "ws-0008" },
    { hostName: "db-07", platform: "linux" },
  ]);
  const password = await scene.makeUser("olga", "tenant_owner", tenant.id);
  owner = await newPerson(browser, scene.cluster);
  await logIn(owner, "olga", password, "/manage/workloads/profiles");
});

afterAll(async () => {
  await browser?.close();
  await scene?.end();
});

async function isOn(id: string): Promise<boolean> {
  const { serviceProtection } = await call<{ serviceProtection: { on: boolean } }>(
    scene.cluster,
    scene.admin,
    "GET",
    `/profiles/${id}`,
  );
  return serviceProtection.on;
}

test("protection is switched on after a look at whom that hits, and rolled back", async () => {
  const { page } = owner;
  await takePictures(owner, "profiles");
  await expectAccessible(owner);
  await page.getByRole("link", { name: "Default" }).click();
  await page.getByRole("switch", { name: "Service protection" }).click();
  await page.getByLabel("Longest lift, in minutes").fill("90");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("2 Windows agents with this profile will be protected").waitFor();
  await takePictures(owner, "profile-switch");
  await expectAccessible(owner);
  await page.getByRole("button", { name: "Switch it on" }).click();
  await page.getByText("Version 2 by olga").waitFor();
  expect(await isOn(tenant.profileId)).toBe(true);
  await takePictures(owner, "profile");
  await expectAccessible(owner);

  await page.getByRole("region", { name: "Version 1" }).getByRole("button", { name: "Back to this one" }).click();
  await page.getByRole("button", { name: "Back to version 1" }).click();
  await page.getByText("Version 3 by olga").waitFor();
  expect(await isOn(tenant.profileId)).toBe(false);
});

test("what was typed stays when somebody else changes the profile, and is not saved over it", async () => {
  const { page } = owner;
  await page.getByLabel("Longest lift, in minutes").fill("45");
  await call(scene.cluster, scene.admin, "PATCH", `/profiles/${tenant.profileId}`, { cleanUpAfterDays: 30 });
  await page.getByText("Somebody has changed this profile meanwhile").waitFor();
  expect(await page.getByLabel("Longest lift, in minutes").inputValue()).toBe("45");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").first().waitFor();
  await takePictures(owner, "profile-outdated", [1280]);
  await page.getByRole("button", { name: "Discard" }).click();
  await expect.poll(() => page.getByLabel("Delete agents after days of silence").inputValue()).toBe("30");
});

test("an intent is created with a preview, and the order is changed by keyboard", async () => {
  const { page } = owner;
  for (const [name, on] of [
    ["Locked", true],
    ["Loose", false],
  ] as const) {
    const body = { tenantId: tenant.id, name, serviceProtection: { on } };
    await call(scene.cluster, scene.admin, "POST", "/profiles", body);
  }
  await page.goto("/manage/workloads/intents");
  await page.getByText("Every agent has the profile Default").waitFor();
  await takePictures(owner, "intents-none", [1280]);
  await page.getByRole("button", { name: "Create an intent" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Name", exact: true }).fill("Workstations");
  await dialog.getByRole("textbox", { name: "Host name" }).fill("ws-*");
  await dialog.getByRole("combobox", { name: "Profile" }).click();
  await page.getByRole("option", { name: "Locked (protection on)" }).click();
  await dialog.getByText("2 agents get another profile; 2 gain protection").waitFor();
  await takePictures(owner, "intent-dialog");
  await expectAccessible(owner);
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByText("An agent that is called ws-*").waitFor();

  const loose = await call<{ items: { id: string; name: string }[] }>(
    scene.cluster,
    scene.admin,
    "GET",
    `/profiles?tenantId=${tenant.id}`,
  );
  const profileId = loose.items.find(({ name }) => name === "Loose")?.id;
  const payroll = { tenantId: tenant.id, name: "Payroll", profileId, filter: { labels: ["payroll"] } };
  await call(scene.cluster, scene.admin, "POST", "/intents", payroll);
  await page.getByText("An agent that has the label payroll").waitFor();

  await page.getByRole("button", { name: /Move Payroll/ }).focus();
  await page.keyboard.press("Space");
  await page.waitForTimeout(200);
  await page.keyboard.press("ArrowUp");
  await page.waitForTimeout(200);
  await page.keyboard.press("Space");
  await page.getByText("1 agent gets another profile; 1 loses protection").waitFor();
  await takePictures(owner, "intents-moved");
  await expectAccessible(owner);
  await page.getByRole("button", { name: "Save the order" }).click();
  await page.getByText("The new order is in force.").waitFor();
  const { items } = await call<{ items: { name: string }[] }>(
    scene.cluster,
    scene.admin,
    "GET",
    `/intents?tenantId=${tenant.id}`,
  );
  expect(items.map(({ name }) => name)).toEqual(["Payroll", "Workstations"]);
  expect(owner.complaints).toEqual([]);
});
