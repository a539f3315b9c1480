import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectAccessible, logIn, newPerson, type Person, startBrowser, takePictures } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

let scene: Scene;
let browser: Browser;
let admin: Person;

beforeAll(async () => {
  [scene, browser] = await Promise.all([startScene(), startBrowser()]);
  admin = await newPerson(browser, scene.cluster);
  await logIn(admin, "admin", scene.cluster.adminPassword, "/manage/tenants");
});

afterAll(async () => {
  await browser?.close();
  await scene?.end();
});

test("a tenant is created and renamed", async () => {
  const { page } = admin;
  await page.getByText("There is no tenant yet").waitFor();
  await page.getByRole("button", { name: "Create a tenant" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill("Nordwind");
  await takePictures(admin, "tenant-dialog");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("cell", { name: "Nordwind", exact: true }).waitFor();
  await page.getByRole("button", { name: "Menu of Nordwind" }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Nordwind Energie");
  await page.getByRole("button", { name: "Rename", exact: true }).click();
  await page.getByRole("cell", { name: "Nordwind Energie", exact: true }).waitFor();
  await takePictures(admin, "tenants");
  await expectAccessible(admin);
});

test("a user is created, is told what is wrong with the password, and logs in with the roles given", async () => {
  const { page } = admin;
  await page.goto("/manage/users");
  await page.getByRole("button", { name: "Create a user" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Name" }).fill("olga");
  await dialog.getByLabel("First password").fill("olga olga olga olga");
  await takePictures(admin, "user-dialog");
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  // What was typed stays, and the refusal says why.
  await dialog.getByRole("alert").getByText("little more than names").waitFor();
  await takePictures(admin, "user-dialog-refused", [1280]);
  expect(await dialog.getByRole("textbox", { name: "Name" }).inputValue()).toBe("olga");
  await dialog.getByLabel("First password").fill("seven lamps on a blue harbour");
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("cell", { name: "Agent installer of Nordwind Energie" }).waitFor();

  await page.getByRole("button", { name: "Menu of olga" }).click();
  await page.getByRole("menuitem", { name: "Roles" }).click();
  await dialog.getByLabel("Role").click();
  await page.getByRole("option", { name: "Auditor" }).click();
  await dialog.getByLabel("Where").click();
  await page.getByRole("option", { name: "The whole cluster" }).click();
  await dialog.getByRole("button", { name: "Give this role" }).click();
  await dialog.getByText("Auditor of the cluster").waitFor();
  await takePictures(admin, "user-roles");
  await expectAccessible(admin);
  await dialog.getByRole("button", { name: "Take away Auditor of the cluster" }).click();
  await dialog.getByText("Auditor of the cluster").waitFor({ state: "hidden" });
  await dialog.getByRole("button", { name: "Close" }).last().click();

  const olga = await newPerson(browser, scene.cluster);
  await logIn(olga, "olga", "seven lamps on a blue harbour", "/manage/users");
  await olga.page.getByText("Users & Roles is not open to you").waitFor();
  expect(olga.complaints).toEqual([]);
  await olga.context.close();
});

test("a user who is locked out cannot log in", async () => {
  const { page } = admin;
  await page.goto("/manage/users");
  await page.getByRole("button", { name: "Menu of olga" }).click();
  await takePictures(admin, "users-menu");
  await page.getByRole("menuitem", { name: "Lock out" }).click();
  await page.getByRole("button", { name: "Lock out", exact: true }).click();
  await page.getByText("Locked out", { exact: true }).waitFor();
  await takePictures(admin, "users");
  await expectAccessible(admin);
  const answer = await fetch(`${scene.cluster.url}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: scene.cluster.url },
    body: JSON.stringify({ name: "olga", password: "seven lamps on a blue harbour" }),
  });
  expect(answer.status).toBe(401);
});

test("an API key is shown once, works, and ends", async () => {
  const { page } = admin;
  await page.goto("/manage/api-keys");
  await page.getByText("You have no API key").waitFor();
  await page.getByRole("button", { name: "Create an API key" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill("nightly report");
  await takePictures(admin, "api-key-dialog");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  const key = await page.getByLabel("API key", { exact: true }).inputValue();
  await takePictures(admin, "api-key-made");
  await expectAccessible(admin);
  const who = async () =>
    (await fetch(`${scene.cluster.url}/api/v1/session`, { headers: { authorization: `Bearer ${key}` } })).status;
  expect(await who()).toBe(200);
  await page.getByRole("button", { name: "Done" }).click();
  expect(await page.content()).not.toContain(key);

  await takePictures(admin, "api-keys");
  await page.getByRole("button", { name: "Menu of nightly report" }).click();
  await page.getByRole("menuitem", { name: "End this key" }).click();
  await page.getByRole("button", { name: "End this key" }).click();
  await page.getByText("You have no API key").waitFor();
  expect(await who()).toBe(401);
});

test("one sees one's sessions, ends the others, and changes one's password", async () => {
  const { page } = admin;
  const elsewhere = await newPerson(browser, scene.cluster);
  await logIn(elsewhere, "admin", scene.cluster.adminPassword);
  await page.goto("/sessions");
  await page.getByText("This one").waitFor();
  await takePictures(admin, "sessions");
  await expectAccessible(admin);
  await page.getByRole("button", { name: "End the others" }).click();
  await expect.poll(() => page.getByRole("row").count()).toBe(2);
  await elsewhere.page.goto("/manage/tenants");
  await elsewhere.page.getByLabel("User").waitFor();
  await elsewhere.context.close();

  await page.getByRole("button", { name: "Change your password" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Password of now").fill("not the one of now");
  await dialog.getByLabel("New password").fill("green rope under old bridges");
  await dialog.getByRole("button", { name: "Change", exact: true }).click();
  await dialog.getByRole("alert").waitFor();
  await takePictures(admin, "own-password");
  await dialog.getByLabel("Password of now").fill(scene.cluster.adminPassword);
  await dialog.getByRole("button", { name: "Change", exact: true }).click();
  await page.getByText("Your password is changed").waitFor();
  expect(admin.complaints).toEqual([]);
});
