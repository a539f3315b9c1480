import { afterAll, beforeAll, expect, test } from "vitest";
import { call } from "../../packages/cluster/test/http-client.ts";
import { expectAccessible, logIn, newPerson, startBrowser, takePictures } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

let scene: Scene;
let browser: Awaited<ReturnType<typeof startBrowser>>;
let acme: { readonly id: string; readonly profileId: string };

beforeAll(async () => {
  [scene, browser] = await Promise.all([startScene(), startBrowser()]);
  acme = await scene.makeTenant("Acme");
  await scene.enrolAgents(acme.id, [{ hostName: "db-07" }, { hostName: "web-01" }]);
});
afterAll(async () => {
  await browser?.close();
  await scene?.end();
});

test("a session that ends asks for the log-in over the page; what was typed is still there and goes through", async () => {
  const password = await scene.makeUser("sam", "customer_support", null);
  const person = await newPerson(browser, scene.cluster);
  const { page, complaints } = person;
  await logIn(person, "sam", password);
  await page.getByRole("button", { name: "Menu of db-07" }).click();
  await page.getByRole("menuitem", { name: "Agent Token" }).click();
  await page.getByLabel("Reason").fill("The disk is full");
  // A site administrator ends the session.
  const { items } = await call<{ items: { id: string; name: string }[] }>(
    scene.cluster,
    scene.admin,
    "GET",
    "/users?q=sam",
  );
  await call(scene.cluster, scene.admin, "DELETE", `/users/${items[0]?.id}/sessions`);
  await page.getByRole("button", { name: "Generate token" }).click();
  const again = page.getByRole("dialog", { name: "Your session has ended" });
  await again.waitFor();
  await takePictures(person, "session-ended");
  await expectAccessible(person);
  await again.getByLabel("Password", { exact: true }).fill("not this one");
  await again.getByRole("button", { name: "Log in" }).click();
  await again.getByText("Name or password is wrong").waitFor();
  await again.getByLabel("Password", { exact: true }).fill(password);
  await again.getByRole("button", { name: "Log in" }).click();
  // It goes on by itself with what was asked for.
  await page.getByRole("timer").waitFor();
  expect(complaints).toEqual([]);
  await person.context.close();
});

test("a cluster that restarts: the page says that it is away, and is up to date when it is back", async () => {
  const person = await newPerson(browser, scene.cluster);
  const { page } = person;
  await logIn(person, "admin", scene.cluster.adminPassword);
  await page.getByRole("link", { name: "db-07" }).waitFor();
  await scene.cluster.kill();
  await page.getByLabel("Search agents").fill("web");
  await page.getByText("The cluster does not answer.").waitFor();
  await takePictures(person, "cluster-away");
  await expectAccessible(person);
  await scene.cluster.start();
  await page.getByText("The cluster does not answer.").waitFor({ state: "detached", timeout: 20_000 });
  await page.getByRole("link", { name: "web-01" }).waitFor();
  await page.getByRole("link", { name: "db-07" }).waitFor({ state: "detached" });
  expect(await page.getByLabel("Search agents").inputValue()).toBe("web");
  await person.context.close();
});

test("a lost network: the same, and nothing is asked for twice", async () => {
  const person = await newPerson(browser, scene.cluster);
  const { page, context } = person;
  await logIn(person, "admin", scene.cluster.adminPassword);
  await page.getByRole("button", { name: "Menu of db-07" }).click();
  await page.getByRole("menuitem", { name: "Agent Token" }).click();
  await page.getByLabel("Reason").fill("The network is unsteady");
  await context.setOffline(true);
  await page.getByRole("button", { name: "Generate token" }).click();
  await page.getByRole("alert").getByText("The cluster does not answer").waitFor();
  await context.setOffline(false);
  await page.getByText("The cluster does not answer.", { exact: true }).waitFor({ state: "detached", timeout: 20_000 });
  expect(await page.getByLabel("Reason").inputValue()).toBe("The network is unsteady");
  await page.getByRole("button", { name: "Generate token" }).click();
  await page.getByRole("timer").waitFor();
  const { items } = await call<{ items: { reason: string }[] }>(
    scene.cluster,
    scene.admin,
    "GET",
    "/agent-tokens?limit=50",
  );
  expect(items.filter(({ reason }) => reason === "The network is unsteady")).toHaveLength(1);
  await person.context.close();
});
