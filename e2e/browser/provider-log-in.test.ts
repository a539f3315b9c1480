import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestProvider, type TestProvider } from "../../packages/cluster/src/identity/identity-provider.fixture.ts";
import { call } from "../../packages/cluster/test/http-client.ts";
import { freePort } from "../../packages/cluster/test/running-cluster.ts";
import { expectAccessible, newPerson, type Person, startBrowser, takePictures } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

const directory = mkdtempSync(join(tmpdir(), "postern-provider-log-in-"));

let provider: TestProvider;
let scene: Scene;
let browser: Browser;

beforeAll(async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  provider = await startTestProvider(`${url}/oidc/callback`);
  const secretFile = join(directory, "secret");
  writeFileSync(secretFile, `${provider.clientSecret}\n`);
  const roleMap = join(directory, "roles.json");
  writeFileSync(roleMap, JSON.stringify({ helpdesk: "customer_support" }));
  const env = {
    POSTERN_PUBLIC_URL: url,
    POSTERN_OIDC_ISSUER: provider.issuer,
    POSTERN_OIDC_CLIENT_ID: provider.clientId,
    POSTERN_OIDC_CLIENT_SECRET_FILE: secretFile,
    POSTERN_OIDC_ROLE_MAP: roleMap,
  };
  [scene, browser] = await Promise.all([startScene({ port, env }), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await scene?.end();
  await provider?.close();
  rmSync(directory, { recursive: true });
});

const button = { name: "Log in with your identity provider" };

/** Puts somebody at the provider's log-in page, who gave the password there so many minutes ago. */
function sit(subject: string, { groups = ["helpdesk"], minutesAgo = 0 } = {}): void {
  const authenticatedAt = minutesAgo === 0 ? null : new Date(Date.now() - minutesAgo * 60_000);
  provider.people.set(subject, { claims: { preferred_username: subject, groups }, authenticatedAt });
  provider.present = subject;
}

/** Follows the button into its tab, which says when the log-in is done. */
async function logInBeside({ page, context }: Person): Promise<void> {
  const [tab] = await Promise.all([context.waitForEvent("page"), page.getByRole("link", button).click()]);
  await tab.getByRole("heading", { name: "You are logged in" }).waitFor();
  await tab.close();
}

test("who turns back, and who has no role here, reads it on a page that leads back", async () => {
  const person = await newPerson(browser, scene.cluster);
  const { page } = person;
  provider.present = null;
  await page.goto("/");
  await page.getByRole("link", button).click();
  await page.getByText("The identity provider says that access was denied.").waitFor();
  await takePictures(person, "provider-refusal");
  await expectAccessible(person);
  await page.getByRole("link", { name: "Go to the log-in page" }).click();

  sit("noah", { groups: ["cooks"] });
  await page.getByRole("link", button).click();
  await page.getByText("Nothing that the identity provider says of you gives you a role here.").waitFor();
  await page.getByRole("link", { name: "Go to the log-in page" }).click();
  await page.getByLabel("User").waitFor();
  await person.context.close();
});

test("the log-in leads to the page that was asked for", async () => {
  const { page } = await newPerson(browser, scene.cluster);
  sit("cleo", { minutesAgo: 20 });
  await page.goto("/manage/tenants?q=north");
  await page.getByRole("link", button).click();
  await page.getByRole("banner").waitFor();
  expect(page.url()).toBe(`${scene.cluster.url}/manage/tenants?q=north`);
  await page.context().close();
});

test("a log-in that is too old, or has ended, is given anew in a tab beside what was typed", async () => {
  const person = await newPerson(browser, scene.cluster);
  const { page, complaints } = person;
  sit("cleo", { minutesAgo: 20 });
  await page.goto("/manage/api-keys");
  await page.getByRole("link", button).click();
  await page.getByText("You have no API key").waitFor();
  await page.getByRole("button", { name: "Create an API key" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill("nightly report");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("dialog", { name: "Confirm that it is you" }).waitFor();
  await takePictures(person, "provider-again");
  await expectAccessible(person);
  const asked = provider.asked;
  sit("cleo");
  await logInBeside(person);
  expect(provider.asked).toBe(asked + 1);
  // It goes on by itself with what was asked for.
  await page.getByLabel("API key", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Done" }).click();

  const { items } = await call<{ items: { id: string }[] }>(scene.cluster, scene.admin, "GET", "/users?q=cleo");
  await page.getByRole("button", { name: "Create an API key" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill("weekly report");
  await call(scene.cluster, scene.admin, "DELETE", `/users/${items[0]?.id}/sessions`);
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("dialog", { name: "Your session has ended" }).waitFor();
  await logInBeside(person);
  await page.getByLabel("API key", { exact: true }).waitFor();
  expect(complaints).toEqual([]);
});
