import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FakeAgent } from "../../packages/cluster/src/check-in/fake-agent.fixture.ts";
import { encodeChallenge, groupChallenge, toUnixSeconds, verify } from "../../packages/token/src/index.ts";
import { expectAccessible, logIn, newPerson, startBrowser, takePictures } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

let scene: Scene;
let browser: Awaited<ReturnType<typeof startBrowser>>;
let acme: { readonly id: string; readonly profileId: string };
let agents: FakeAgent[];

beforeAll(async () => {
  [scene, browser] = await Promise.all([startScene(), startBrowser()]);
  acme = await scene.makeTenant("Acme");
  await scene.makeTenant("Umbrella Logistics");
  await scene.switchProtection(acme.profileId, true);
  agents = await scene.enrolAgents(acme.id, [
    { hostName: "db-07", labels: ["production", "sql"] },
    { hostName: "web-01", agentVersion: "1.2.0", labels: ["production"] },
    { hostName: "lin-3", platform: "linux", osVersion: "6.1" },
  ]);
});
afterAll(async () => {
  await browser?.close();
  await scene?.end();
});

/** What an agent of this tenant says of a token: the claims, or a refusal that fails the test. */
function verifyOn(agent: FakeAgent, token: string, challenge?: string) {
  return verify(token, {
    tokenKeys: agent.bundle.tokenKeys,
    clusterId: agent.bundle.clusterId,
    tenantId: agent.tenantId,
    agentId: agent.agentId,
    now: toUnixSeconds(Date.now()),
    ...(challenge && { challenge }),
  });
}

test("from the log-in to a token for a tenant on the disk, which an agent accepts", async () => {
  const person = await newPerson(browser, scene.cluster);
  const { page, complaints } = person;
  await page.goto("/");
  await page.getByLabel("User").waitFor();
  await takePictures(person, "log-in");
  await expectAccessible(person);
  await logIn(person, "admin", scene.cluster.adminPassword);
  await page.getByRole("link", { name: "db-07" }).waitFor();
  await takePictures(person, "agent-list");
  await expectAccessible(person);

  await page.getByRole("button", { name: "Menu of the Agent List" }).click();
  await page.getByRole("menuitem", { name: "Agent Token" }).click();
  await page.getByText("Token For Tenant").click();
  await page.getByRole("combobox", { name: "Tenant" }).last().click();
  await page.getByRole("option", { name: "Acme" }).click();
  await page.getByText("Reaches 2 Windows agents").waitFor();
  await takePictures(person, "agent-token-form");
  await expectAccessible(person);
  await page.getByRole("button", { name: "Generate token" }).click();
  await page.getByText("Say why, in three characters or more.").waitFor();
  await page.getByLabel("Reason").fill("The installer hangs on two machines");
  await page.getByLabel("Ticket").fill("INC-4711");
  await page.getByRole("button", { name: "Generate token" }).click();
  await page.getByRole("timer").waitFor();
  await takePictures(person, "agent-token-made");
  await expectAccessible(person);

  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download Token" }).click(),
  ]);
  expect(file.suggestedFilename()).toMatch(/^agent-token-tenant-Acme-\d{8}T\d{4}Z\.txt$/);
  const token = (await readFile(await file.path(), "utf8")).trimEnd();
  const [windows] = agents;
  if (windows === undefined) throw new Error("no agent");
  const claims = verifyOn(windows, token);
  expect(claims).toMatchObject({ aud: `tenant:${acme.id}`, act: ["unprotect"] });
  expect(claims.exp - claims.iat).toBe(900);
  // The command names the very file.
  await page.getByText(`-unprotect -file ${file.suggestedFilename()}`).waitFor();
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await expect.poll(() => page.getByText(token, { exact: true }).count()).toBeGreaterThan(0);

  // Live: an agent redeems it, and the page tells.
  windows.journal("redeemed", { jti: claims.jti });
  await windows.checkIn({ applied: { rev: 0 } });
  await page.getByRole("dialog").getByRole("link", { name: "db-07" }).waitFor();
  expect(complaints).toEqual([]);
  await person.context.close();
});

test("an agent installer finds the token under Agent Details only, with a challenge checked as it is typed", async () => {
  const password = await scene.makeUser("ines", "agent_installer", acme.id);
  const person = await newPerson(browser, scene.cluster);
  const { page, complaints } = person;
  await logIn(person, "ines", password);
  await page.getByRole("button", { name: "Menu of db-07" }).click();
  await page.getByRole("menuitem", { name: "Agent Details" }).waitFor();
  expect(await page.getByRole("menuitem", { name: "Agent Token" }).count()).toBe(0);
  await page.getByRole("menuitem", { name: "Agent Details" }).click();
  await page.getByRole("heading", { name: "db-07" }).waitFor();
  await takePictures(person, "agent-overview");
  await expectAccessible(person);
  await page.getByRole("tab", { name: "Agent Token" }).click();
  await page.getByText("db-07 will accept it.").waitFor();
  await takePictures(person, "agent-token-tab");
  await expectAccessible(person);

  const challenge = encodeChallenge(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
  const typed = groupChallenge(challenge);
  const wrong = `${typed.slice(0, -1)}${typed.endsWith("0") ? "1" : "0"}`;
  await page.getByLabel("Challenge").fill(wrong);
  await page.getByText("This is mistyped").waitFor();
  await page.getByLabel("Challenge").fill(typed.toLowerCase());
  await page.getByRole("img", { name: "Typed rightly" }).waitFor();
  await page.getByLabel("Reason").fill("The clock of the machine is wrong");
  await page.getByRole("button", { name: "Generate token" }).click();
  await page.getByRole("timer").waitFor();
  await page.getByRole("button", { name: "Show", exact: true }).click();
  const [windows] = agents;
  if (windows === undefined) throw new Error("no agent");
  const token = await page.locator("code", { hasText: /^ey/ }).first().innerText();
  expect(verifyOn(windows, token, challenge).chg).toBe(challenge);
  expect(complaints).toEqual([]);
  await person.context.close();
});

test("Config shows what an agent that is behind has not applied yet", async () => {
  const umbrella = await scene.makeTenant("Umbrella Retail");
  const [behind] = await scene.enrolAgents(umbrella.id, [{ hostName: "till-4", silent: true }]);
  // It says what it has applied, and does not wait for what comes after that.
  await behind?.checkIn({}, AbortSignal.timeout(1_000)).catch(() => undefined);
  await scene.switchProtection(umbrella.profileId, true);
  const person = await newPerson(browser, scene.cluster);
  const { page, complaints } = person;
  const path = `/manage/workloads/agents/${behind?.agentId}?tab=config`;
  await logIn(person, "admin", scene.cluster.adminPassword, path);
  await page.getByText("The agent has not applied what is wanted yet").waitFor();
  const row = page.getByRole("row", { name: "serviceProtection.on" });
  expect(await row.getByRole("cell").allInnerTexts()).toEqual(["false", "true"]);
  expect(await page.getByRole("row").count()).toBe(2);
  await takePictures(person, "agent-config-behind");
  await expectAccessible(person);
  expect(complaints).toEqual([]);
  await person.context.close();
});

test("for an agent that is not on Windows the tab says why there is no token", async () => {
  const person = await newPerson(browser, scene.cluster);
  const { page, complaints } = person;
  const linux = agents[2]?.agentId ?? "";
  await logIn(person, "admin", scene.cluster.adminPassword, `/manage/workloads/agents/${linux}?tab=token`);
  await page.getByRole("heading", { name: "There is no agent token for Linux" }).waitFor();
  await takePictures(person, "agent-token-linux", [1280]);
  for (const [tab, sign] of [
    ["Config", "Desired against applied"],
    ["Journal", "Service started"],
    ["Labels", "Labels of this agent"],
  ] as const) {
    await page.getByRole("tab", { name: tab }).click();
    await page.getByText(sign).first().waitFor();
    await takePictures(person, `agent-${tab.toLowerCase()}`, [1280]);
    await expectAccessible(person);
  }
  expect(complaints).toEqual([]);
  await person.context.close();
});
