import { readFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol } from "../../packages/cluster/src/check-in/fake-agent.fixture.ts";
import { sampleMsi } from "../../packages/cluster/src/packages/msi.fixture.ts";
import { call } from "../../packages/cluster/test/http-client.ts";
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

test("a site administrator adds a package, which profiles then want, and removes it", async () => {
  const admin = await newPerson(browser, scene.cluster);
  const { page } = admin;
  await logIn(admin, "admin", scene.cluster.adminPassword, "/manage/workloads/packages");
  await page.getByText("There is no package yet").waitFor();
  await page.getByRole("button", { name: "Add a package" }).first().click();
  const add = page.getByRole("dialog");
  const choose = async (name: string, buffer: Buffer) => {
    const [chooser] = await Promise.all([
      page.waitForEvent("filechooser"),
      add.getByRole("button", { name: "File" }).click(),
    ]);
    await chooser.setFiles({ name, mimeType: "application/x-msi", buffer });
  };
  await choose("other.msi", sampleMsi({ replace: { "{6C2F8E0A-": "{7C2F8E0A-" } }));
  await add.getByRole("button", { name: "Add" }).click();
  await add.getByText(/that of another product/).waitFor();
  await takePictures(admin, "package-refused", [1280]);
  await expectAccessible(admin);
  await choose("PosternAgent.msi", sampleMsi());
  await add.getByRole("button", { name: "Add" }).click();
  await page.getByRole("cell", { name: "1.4.0", exact: true }).waitFor();
  await takePictures(admin, "packages");
  await expectAccessible(admin);

  // An agent on the way, as its list and its page show it.
  const other = await scene.makeTenant("Zephyr");
  const { key } = await call<{ key: string }>(scene.cluster, scene.admin, "POST", "/activation-keys", {
    tenantId: other.id,
  });
  const agent = await enrol(scene.cluster.url, key, { hostName: "ws-old", agentVersion: "1.3.0" });
  await page.goto(`${scene.cluster.url}/manage/workloads/profiles/${other.profileId}`);
  await page.getByRole("combobox", { name: "Desired agent version" }).fill("1.5.0");
  await page.getByText("No package of 1.5.0 is here yet. Agents wait for it.").waitFor();
  await page.getByRole("combobox", { name: "Desired agent version" }).fill("1.4");
  await page.getByRole("option", { name: "1.4.0" }).click();
  await page.getByText("Agents below it fetch it by themselves.").waitFor();
  await takePictures(admin, "profile-version", [1280]);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Version 2 by admin").waitFor();
  agent.journal("update_failed", { version: "1.4.0", code: "installer_1603", sha256: "x" });
  await agent.checkIn();
  await page.goto(`${scene.cluster.url}/manage/workloads/agents`);
  await page.getByText("1.3.0 → 1.4.0").waitFor();
  await takePictures(admin, "agent-list-updating", [1280]);
  await page.getByRole("link", { name: "ws-old" }).click();
  await page.getByText("Failed: installer_1603").waitFor();
  await takePictures(admin, "agent-updating", [1280]);
  await expectAccessible(admin);

  await page.goto(`${scene.cluster.url}/manage/workloads/packages`);
  await page.getByRole("button", { name: "Menu of version 1.4.0" }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByText("The profile Default (Zephyr) wants version 1.4.0 of the agents.").waitFor();
  await takePictures(admin, "package-remove", [1280]);
  await page.getByRole("button", { name: "Cancel" }).click();
  expect(admin.complaints).toEqual([]);
});

test("an installer gets a key and the commands, and sees the agent arrive", async () => {
  const { page } = installer;
  await page.getByText("No activation key was made yet").waitFor();
  await page.getByRole("button", { name: "Get an activation key" }).first().click();
  await takePictures(installer, "activation-key-dialog");
  await page.getByRole("textbox", { name: "For", exact: true }).fill("the new workstations");
  await page.getByRole("button", { name: "Get the key" }).click();
  await page.getByText("Waiting for the agent").waitFor();
  await page.getByText("msiexec '/i PosternAgent-1.4.0.msi").waitFor();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("dialog").getByRole("button", { name: "Download the package 1.4.0" }).click(),
  ]);
  expect(file.suggestedFilename()).toBe("PosternAgent-1.4.0.msi");
  expect(readFileSync(await file.path()).equals(sampleMsi())).toBe(true);
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
