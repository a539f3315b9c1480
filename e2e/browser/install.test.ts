import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol } from "../../packages/cluster/src/check-in/fake-agent.fixture.ts";
import { expectAccessible, logIn, newPerson, type Person, startBrowser, takePictures } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

let scene: Scene;
let browser: Browser;
let installer: Person;

beforeAll(async () => {
  [scene, browser] = await Promise.all([startScene(), startBrowser()]);
  const { id } = await scene.makeTenant("Nordwind");
  const password = await scene.makeUser("ines", "agent_installer", id);
  installer = await newPerson(browser, scene.cluster);
  await logIn(installer, "ines", password, "/manage/workloads/install");
});

afterAll(async () => {
  await browser?.close();
  await scene?.end();
});

test("an installer gets a key and the commands, and sees the agent arrive", async () => {
  const { page } = installer;
  await page.getByText("No activation key was made yet").waitFor();
  await page.getByRole("button", { name: "Get an activation key" }).first().click();
  await takePictures(installer, "activation-key-dialog");
  await page.getByRole("textbox", { name: "For", exact: true }).fill("the new workstations");
  await page.getByRole("button", { name: "Get the key" }).click();
  await page.getByText("Waiting for the agent").waitFor();
  await takePictures(installer, "install-commands");
  await expectAccessible(installer);
  await page.getByRole("tab", { name: "PowerShell" }).click();
  await page.getByText(".\\Install-PosternAgent.ps1 -Package").waitFor();
  await takePictures(installer, "install-powershell", [1280]);
  const key = (await page.getByText(/^postern-ak1\./).textContent()) ?? "";
  const agent = await enrol(scene.cluster.url, key, { hostName: "ws-new" });
  await agent.checkIn({ applied: { rev: 0 } });
  await page.getByText("ws-new has enrolled.").waitFor();
  await takePictures(installer, "install-arrived", [1280]);
  await page.getByRole("button", { name: "Done" }).click();
  expect(await page.content()).not.toContain(key);

  await page.getByRole("cell", { name: "Used up" }).waitFor();
  await takePictures(installer, "activation-keys");
  await expectAccessible(installer);
  expect(installer.complaints).toEqual([]);
});
