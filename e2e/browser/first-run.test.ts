import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol } from "../../packages/cluster/src/check-in/fake-agent.fixture.ts";
import { call } from "../../packages/cluster/test/http-client.ts";
import { expectAccessible, logIn, newPerson, type Person, startBrowser, takePictures } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

let scene: Scene;
let browser: Browser;
let admin: Person;

beforeAll(async () => {
  [scene, browser] = await Promise.all([startScene(), startBrowser()]);
  admin = await newPerson(browser, scene.cluster);
});
afterAll(async () => {
  await browser?.close();
  await scene?.end();
});

/** Each step as it is told: its title with its state. */
const steps = ({ page }: Person) => page.getByRole("main").locator("ol h3").allInnerTexts();
const words = (texts: readonly string[]) => texts.map((text) => text.replaceAll(/\s+/g, " ").trim());

test("who may take no step reads who can", async () => {
  const cleo = await newPerson(browser, scene.cluster);
  await logIn(cleo, "cleo", await scene.makeUser("cleo", "customer_support", null));
  await cleo.page.getByText("A site administrator creates it.").waitFor();
  await cleo.page.getByText("A tenant owner or an agent installer makes it.").waitFor();
  expect(await cleo.page.getByRole("main").locator("ol").getByRole("button").count()).toBe(0);
  expect(cleo.complaints).toEqual([]);
  await cleo.context.close();
});

test("a fresh cluster leads to a tenant, an activation key and the first agent, and notices it", async () => {
  const { page, complaints } = admin;
  await logIn(admin, "admin", scene.cluster.adminPassword);
  await page.getByRole("heading", { name: "No agent has enrolled yet" }).waitFor();
  await expect
    .poll(async () => words(await steps(admin)))
    .toEqual(["Create a tenant Next", "Make an activation key Later", "Install the first agent Later"]);
  await takePictures(admin, "first-run");
  await expectAccessible(admin);

  await page.getByRole("button", { name: "Create a tenant" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Nordwind");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByText("Nordwind is there.", { exact: true }).waitFor();

  await page.getByRole("button", { name: "Make an activation key" }).click();
  await page.getByRole("button", { name: "Get the key" }).click();
  await page.getByText("Waiting for the agent").waitFor();
  const key = (await page.getByText(/^postern-ak1\./).textContent()) ?? "";
  await enrol(scene.cluster.url, key, { hostName: "ws-first" });
  // The list behind has its first row now; the dialog with the commands stays, and tells it too.
  await page.getByRole("dialog").getByText("ws-first has enrolled.").waitFor();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("link", { name: "ws-first" }).waitFor();
  expect(await page.getByRole("heading", { name: "No agent has enrolled yet" }).count()).toBe(0);
  expect(complaints).toEqual([]);
});

test("a tenant without agents leads on from where it stands; the page tells of its first one by itself", async () => {
  const { page } = admin;
  const { id } = await scene.makeTenant("Umbrella");
  const ines = await newPerson(browser, scene.cluster);
  await logIn(ines, "ines", await scene.makeUser("ines", "agent_installer", id));
  await expect
    .poll(async () => words(await steps(ines)))
    .toEqual(["Create a tenant Done", "Make an activation key Next", "Install the first agent Later"]);
  const { key } = await call<{ key: string }>(scene.cluster, scene.admin, "POST", "/activation-keys", { tenantId: id });
  await page.goto(`/manage/workloads/agents?tenant=${id}`);
  await page.getByRole("heading", { name: "No agent has enrolled into Umbrella yet" }).waitFor();
  await page.getByText("1 usable key.").waitFor();
  await takePictures(admin, "first-run-waiting", [1280]);
  await enrol(scene.cluster.url, key, { hostName: "depot-1" });
  await page.getByText("The first agent is here").waitFor({ timeout: 20_000 });
  await page.getByRole("link", { name: "depot-1" }).waitFor();
  await ines.page.getByRole("link", { name: "depot-1" }).waitFor({ timeout: 20_000 });
  expect(admin.complaints).toEqual([]);
  expect(ines.complaints).toEqual([]);
  await ines.context.close();
});
