import { execFileSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FakeAgent } from "../../packages/cluster/src/check-in/fake-agent.fixture.ts";
import { toUnixSeconds, verify } from "../../packages/token/src/index.ts";
import { logIn, newPerson, startBrowser } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

/**
 * The way that docs/console.md describes. With POSTERN_DOC_PICTURES=1 it is gone at the pace of somebody who sees each
 * screen for the first time, and the pictures of the page are taken anew (by ImageMagick, in few colours).
 */
const isForDocs = process.env["POSTERN_DOC_PICTURES"] === "1";
const readingMs = isForDocs ? 3_000 : 0;
const keyMs = isForDocs ? 150 : 0;
const withinMs = 60_000;

const folder = join(import.meta.dirname, "../../docs/pictures");
const mostBytes = 60 * 1024;

let scene: Scene;
let browser: Awaited<ReturnType<typeof startBrowser>>;
let payroll: FakeAgent;
let other: FakeAgent;

beforeAll(async () => {
  [scene, browser] = await Promise.all([startScene(), startBrowser()]);
  const { id, profileId } = await scene.makeTenant("Nordwind");
  await scene.switchProtection(profileId, true);
  const hosts = ["DB-STOCK-01", "FS-HARBOUR-02", "WS-DESK-11", "WS-DESK-12", "WS-PAYROLL-06"];
  const agents = await scene.enrolAgents(id, [
    ...hosts.map((hostName) => ({ hostName, labels: [hostName.startsWith("WS") ? "office" : "server"] })),
    { hostName: "WS-PAYROLL-07", labels: ["office"], silent: true },
  ]);
  const [before, last] = agents.slice(-2);
  if (before === undefined || last === undefined) throw new Error("no agents");
  [other, payroll] = [before, last];
  await payroll.checkIn({}, AbortSignal.timeout(1_000)).catch(() => undefined);
});
afterAll(async () => {
  await browser?.close();
  await scene?.end();
});

test("a newcomer goes from the log-in to a token that works in under a minute", async () => {
  const person = await newPerson(browser, scene.cluster);
  const { page, complaints } = person;
  await page.setViewportSize({ width: 1100, height: 720 });
  await page.goto("/");
  await page.getByLabel("User").waitFor();
  await look(page, "log-in");
  const startedAt = Date.now();
  await page.waitForTimeout(readingMs);
  await type(page, "User", "admin");
  await page.getByLabel("Password", { exact: true }).fill(scene.cluster.adminPassword);
  await page.getByRole("button", { name: "Log in", exact: true }).click();

  await page.getByRole("link", { name: "WS-PAYROLL-07" }).waitFor();
  await page.waitForTimeout(readingMs);
  await type(page, "Search agents", "payroll");
  await page.getByText("1–2 of 2").waitFor();
  await page.waitForTimeout(readingMs);
  await page.getByRole("button", { name: "Menu of WS-PAYROLL-07" }).click();
  await page.getByRole("menuitem", { name: "Agent Token" }).waitFor();
  await look(page, "agent-list");
  await page.waitForTimeout(readingMs);
  await page.getByRole("menuitem", { name: "Agent Token" }).click();

  await page.getByText("WS-PAYROLL-07 will accept it.").waitFor();
  await page.waitForTimeout(readingMs);
  await type(page, "Reason", "The payroll client cannot be updated");
  await look(page, "agent-token");
  await page.getByRole("button", { name: "Generate token" }).click();
  await page.getByRole("timer").waitFor();
  await page.waitForTimeout(readingMs);
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download Token" }).click(),
  ]);
  const token = (await readFile(await file.path(), "utf8")).trimEnd();
  const tookMs = Date.now() - startedAt;
  if (isForDocs) process.stdout.write(`From the log-in to the token: ${Math.round(tookMs / 1_000)} s\n`);
  expect(tookMs).toBeLessThan(withinMs);

  const { clusterId, tokenKeys } = payroll.bundle;
  const { tenantId, agentId } = payroll;
  const { jti } = verify(token, { tokenKeys, clusterId, tenantId, agentId, now: toUnixSeconds(Date.now()) });
  await page.getByText(`-unprotect -file ${file.suggestedFilename()}`).waitFor();
  await page.getByText("was saved.").waitFor({ state: isForDocs ? "detached" : "visible" });
  await look(page, "token-made");
  payroll.journal("redeemed", { jti });
  await payroll.checkIn({ applied: { rev: 0 } });
  await page.getByRole("dialog").getByRole("link", { name: "WS-PAYROLL-07" }).waitFor();
  expect(complaints).toEqual([]);
  await person.context.close();
});

test("an agent installer finds it under Agent Details", async () => {
  const { tenantId, agentId } = other;
  const person = await newPerson(browser, scene.cluster);
  const { page } = person;
  await page.setViewportSize({ width: 1100, height: 720 });
  const password = await scene.makeUser("ines", "agent_installer", tenantId);
  await logIn(person, "ines", password, `/manage/workloads/agents/${agentId}?tab=token`);
  await page.getByRole("tab", { name: "Agent Token" }).waitFor();
  await page.getByText("WS-PAYROLL-06 will accept it.").waitFor();
  await page.getByLabel("Challenge").waitFor();
  await look(page, "agent-details");
  await person.context.close();
});

async function type(page: Page, label: string, text: string): Promise<void> {
  await page.getByLabel(label).first().pressSequentially(text, { delay: keyMs });
}

async function look(page: Page, name: string): Promise<void> {
  if (!isForDocs) return;
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.png`);
  await page.waitForTimeout(300);
  await page.screenshot({ path });
  execFileSync("convert", [path, "-dither", "None", "-colors", "64", "-strip", `png8:${path}`]);
  expect(statSync(path).size).toBeLessThanOrEqual(mostBytes);
}
