import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectAccessible, logIn, newPerson, type Person, startBrowser, takePictures } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

let scene: Scene;
let browser: Awaited<ReturnType<typeof startBrowser>>;
let acme: { readonly id: string; readonly profileId: string };
let umbrella: { readonly id: string; readonly profileId: string };
let admin: Person;

const two = (number: number) => String(number).padStart(2, "0");

beforeAll(async () => {
  [scene, browser] = await Promise.all([startScene(), startBrowser()]);
  acme = await scene.makeTenant("Acme");
  umbrella = await scene.makeTenant("Umbrella Logistics");
  await scene.switchProtection(acme.profileId, true);
  await scene.enrolAgents(acme.id, [
    { hostName: "db-07", labels: ["production", "sql"] },
    { hostName: "web-01", agentVersion: "1.2.0", labels: ["production"] },
    { hostName: "lin-3", platform: "linux", osVersion: "6.1" },
  ]);
  const depots = Array.from({ length: 27 }, (_, index) => ({
    hostName: `depot-${two(index + 1)}`,
    agentVersion: "1.1.4",
  }));
  await scene.enrolAgents(umbrella.id, depots);
  admin = await newPerson(browser, scene.cluster);
  await logIn(admin, "admin", scene.cluster.adminPassword);
});
afterAll(async () => {
  await browser?.close();
  await scene?.end();
});

const hostNames = () => admin.page.locator('td[data-column="hostName"] a').allInnerTexts();
const isAt = (search: string) => admin.page.waitForURL((url) => url.search === search);

test("search, filters, sort and page stand in the address, and the way back leads through them", async () => {
  const { page } = admin;
  await page.getByRole("link", { name: "db-07" }).waitFor();
  await takePictures(admin, "agent-list-full");
  await page.getByLabel("Search agents").fill("depot");
  await isAt("?q=depot");
  await page.getByText("1–27 of 27").waitFor();
  await page.getByLabel("Rows on a page").selectOption("25");
  await isAt("?q=depot&limit=25");
  await page.getByText("1–25 of 27").waitFor();
  await page.getByRole("button", { name: "Host name" }).click();
  await isAt("?q=depot&limit=25&sort=-hostName");
  await expect.poll(async () => (await hostNames())[0]).toBe("depot-27");
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("26–27 of 27").waitFor();
  await expect.poll(hostNames).toEqual(["depot-02", "depot-01"]);
  await page.reload();
  await page.getByText("26–27 of 27").waitFor();
  await page.goBack();
  await page.getByText("1–25 of 27").waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.getByText("of 30").waitFor();
});

test("a part of a bar filters by it; a view of one's own brings it all back", async () => {
  const { page } = admin;
  await page.goto("/manage/workloads/agents");
  await page.getByRole("region", { name: "Protection" }).getByRole("button", { name: "Off" }).click();
  await isAt("?protection=off");
  await page.getByText("1–27 of 27").waitFor();
  await page.getByRole("region", { name: "Protection" }).getByRole("button", { name: "Off" }).click();
  await isAt("");
  await page.getByRole("region", { name: "Version" }).getByRole("button", { name: "1.2.0" }).click();
  await isAt("?version=1.2.0");
  await expect.poll(hostNames).toEqual(["web-01"]);
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByRole("menuitem", { name: "Save this view…" }).click();
  await page.getByLabel("Name").fill("New version");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.getByText("of 30").waitFor();
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByRole("menuitem", { name: "New version" }).click();
  await isAt("?version=1.2.0");
  await page.goto("/manage/workloads/agents");
});

test("the tenant of the header goes along, and columns are chosen", async () => {
  const { page } = admin;
  await page.getByRole("combobox", { name: "Tenant" }).click();
  await page.getByRole("option", { name: "Acme" }).click();
  await isAt(`?tenant=${acme.id}`);
  await expect.poll(hostNames).toEqual(["db-07", "lin-3", "web-01"]);
  await page.getByRole("link", { name: "db-07" }).click();
  await page.getByRole("heading", { name: "db-07" }).waitFor();
  expect(new URL(page.url()).searchParams.get("tenant")).toBe(acme.id);
  await page.goBack();
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByLabel("Addresses").check();
  await page.getByRole("columnheader", { name: "Addresses" }).waitFor();
  await takePictures(admin, "agent-list-columns", [1280]);
  await page.getByRole("button", { name: "As they were" }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("combobox", { name: "Tenant" }).click();
  await page.getByRole("option", { name: "All tenants" }).click();
  await isAt("");
});

test("labels of many, and the CSV of what is shown", async () => {
  const { page } = admin;
  await page.getByLabel("Search agents").fill("depot-1");
  await page.getByText("1–10 of 10").waitFor();
  await page.getByLabel("Select all on this page").check();
  await page.getByText("10 agents chosen").waitFor();
  await page.getByRole("button", { name: "Labels…" }).click();
  await page.getByRole("combobox", { name: "Add" }).fill("north");
  await page.keyboard.press("Enter");
  await page.getByText("Changes 10 agents of 10.").waitFor();
  await takePictures(admin, "agent-labels");
  await expectAccessible(admin);
  await page.getByRole("button", { name: "Change labels" }).click();
  await page.getByText("10 agents changed.").waitFor();
  await expect.poll(() => page.getByRole("table").getByText("north").count()).toBe(10);
  await page.getByRole("button", { name: "Menu of the Agent List" }).click();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("menuitem", { name: "Download these as CSV" }).click(),
  ]);
  const lines = (await readFile(await file.path(), "utf8")).trim().split(/\r?\n/);
  expect(lines).toHaveLength(11);
  expect(lines.slice(1).every((line) => line.includes("north"))).toBe(true);
  await page.getByRole("button", { name: "Clear filters" }).click();
});

test("live: a row changes where it stands, and what was chosen stays chosen", async () => {
  const { page } = admin;
  await page.getByLabel("Search agents").fill("depot-2");
  await page.getByText("1–8 of 8").waitFor();
  await page.getByLabel("Select depot-25").check();
  await scene.switchProtection(umbrella.profileId, true);
  await expect
    .poll(() => page.getByRole("table").getByText("On", { exact: true }).count(), { timeout: 20_000 })
    .toBe(8);
  expect(await page.getByLabel("Select depot-25").isChecked()).toBe(true);
  await page.getByRole("button", { name: "Choose none" }).click();
});

test("decommission says how many are protected, and asks for their number", async () => {
  const { page } = admin;
  await page.getByLabel("Select depot-20").check();
  await page.getByLabel("Select depot-21").check();
  await page.getByRole("button", { name: "Decommission…" }).click();
  await page.getByText("2 of them are protected now.").waitFor();
  await takePictures(admin, "agent-decommission");
  await expectAccessible(admin);
  await page.getByLabel("Type 2 to go on").fill("2");
  await page.getByRole("button", { name: "Decommission 2 agents" }).click();
  await page.getByText("2 agents will be decommissioned").waitFor();
  await expect.poll(() => page.getByRole("table").getByText("Decommissioned").count(), { timeout: 20_000 }).toBe(2);
});

test("Ctrl-K finds an agent by a part of its name", async () => {
  const { page, complaints } = admin;
  await page.keyboard.press("Control+k");
  const field = page.getByLabel("Search everything");
  await field.fill("db-0");
  await page.getByRole("dialog").getByText("db-07").waitFor();
  await takePictures(admin, "search");
  await expectAccessible(admin);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "db-07" }).waitFor();
  expect(complaints).toEqual([]);
});
