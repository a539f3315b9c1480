import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { call } from "../../packages/cluster/test/http-client.ts";
import { logIn, newPerson, type Person, startBrowser } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

let scene: Scene;
let browser: Awaited<ReturnType<typeof startBrowser>>;
let person: Person;
let profileId: string;
const password = "nine copper kettles in a row";

beforeAll(async () => {
  [scene, browser] = await Promise.all([startScene(), startBrowser()]);
  const acme = await scene.makeTenant("Acme");
  profileId = acme.profileId;
  await call(scene.cluster, scene.admin, "POST", "/profiles", { tenantId: acme.id, name: "Tills" });
  const roles = [{ role: "site_admin", tenantId: null }];
  await call(scene.cluster, scene.admin, "POST", "/users", { name: "rita", password, roles });
  person = await newPerson(browser, scene.cluster);
  await logIn(person, "rita", password);
});
afterAll(async () => {
  await browser?.close();
  await scene?.end();
});

interface Form {
  readonly path: () => string;
  /** Types into it; the round makes names differ. */
  readonly fill: (page: Page, round: number) => Promise<void>;
  readonly send: (page: Page) => Promise<void>;
  /** What was typed, as it stands there now. */
  readonly typed: (page: Page) => Promise<readonly string[]>;
  /** Waits until the cluster has it. */
  readonly arrived: (page: Page, round: number) => Promise<void>;
}

const lift = (page: Page) => page.getByLabel("Longest lift, in minutes");
const field = (page: Page, name: string) => page.getByRole("dialog").getByRole("textbox", { name, exact: true });

const forms: Record<string, Form> = {
  "the form of a profile": {
    path: () => `/manage/workloads/profiles/${profileId}`,
    fill: (page, round) => lift(page).fill(String(40 + round)),
    send: (page) => page.getByRole("button", { name: "Save", exact: true }).click(),
    typed: async (page) => [await lift(page).inputValue()],
    arrived: (page, round) => page.getByText(`Version ${round + 1} by rita`).waitFor(),
  },
  "the dialog of an intent": {
    path: () => "/manage/workloads/intents",
    async fill(page, round) {
      await page.getByRole("button", { name: "Create an intent" }).first().click();
      await field(page, "Name").fill(`Tills ${round}`);
      await field(page, "Host name").fill("till-*");
      await page.getByRole("dialog").getByRole("combobox", { name: "Profile" }).click();
      await page.getByRole("option", { name: /^Tills/ }).click();
    },
    send: (page) => page.getByRole("dialog").getByRole("button", { name: "Create", exact: true }).click(),
    typed: async (page) => [await field(page, "Name").inputValue(), await field(page, "Host name").inputValue()],
    arrived: (page, round) => page.getByRole("main").getByText(`Tills ${round}`).first().waitFor(),
  },
  "the dialog of a user": {
    path: () => "/manage/users",
    async fill(page, round) {
      await page.getByRole("button", { name: "Create a user" }).click();
      await field(page, "Name").fill(`new-${round}`);
      await page.getByRole("dialog").getByLabel("First password").fill("seven lamps on a blue harbour");
    },
    send: (page) => page.getByRole("dialog").getByRole("button", { name: "Create", exact: true }).click(),
    typed: async (page) => [
      await field(page, "Name").inputValue(),
      await page.getByRole("dialog").getByLabel("First password").inputValue(),
    ],
    arrived: (page, round) => page.getByRole("cell", { name: `new-${round}`, exact: true }).waitFor(),
  },
};

test.each(Object.entries(forms))("%s: what was typed outlives a session that ends", async (_name, form) => {
  const { page } = person;
  await page.goto(form.path());
  await form.fill(page, 1);
  const { items } = await call<{ items: { id: string; name: string }[] }>(
    scene.cluster,
    scene.admin,
    "GET",
    "/users?q=rita",
  );
  await call(scene.cluster, scene.admin, "DELETE", `/users/${items[0]?.id}/sessions`);
  await form.send(page);
  const again = page.getByRole("dialog", { name: "Your session has ended" });
  await again.getByLabel("Password", { exact: true }).fill(password);
  await again.getByRole("button", { name: "Log in" }).click();
  // It goes on by itself with what stood there.
  await form.arrived(page, 1);
  await again.waitFor({ state: "detached" });
});

test.each(Object.entries(forms))("%s: what was typed outlives a lost network", async (_name, form) => {
  const { page, context } = person;
  await page.goto(form.path());
  await form.fill(page, 2);
  const typed = await form.typed(page);
  await context.setOffline(true);
  await form.send(page);
  await page.getByRole("alert").getByText("The cluster does not answer").first().waitFor();
  await context.setOffline(false);
  await page.getByText("The cluster does not answer.", { exact: true }).waitFor({ state: "detached", timeout: 20_000 });
  expect(await form.typed(page)).toEqual(typed);
  await form.send(page);
  await form.arrived(page, 2);
});

test("what was typed outlives a cluster that restarts", async () => {
  const { page, complaints } = person;
  const form = forms["the form of a profile"];
  if (form === undefined) throw new Error("no form");
  await page.goto(form.path());
  await form.fill(page, 3);
  const typed = await form.typed(page);
  await scene.cluster.kill();
  await form.send(page);
  await page.getByText("The cluster does not answer.", { exact: true }).waitFor();
  await scene.cluster.start();
  await page.getByText("The cluster does not answer.", { exact: true }).waitFor({ state: "detached", timeout: 20_000 });
  expect(await form.typed(page)).toEqual(typed);
  await form.send(page);
  await form.arrived(page, 3);
  // A request that was under way when the cluster went is an error of the network, which the browser logs.
  expect(complaints.filter((one) => !one.includes("ERR_"))).toEqual([]);
});
