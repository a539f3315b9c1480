import { afterAll, beforeAll, expect, test } from "vitest";
import { type FleetTenant, insertIntoSqlite, seedFleet } from "../../bench/src/list-fleet.ts";
import { logIn, newPerson, type Person, startBrowser } from "./console.ts";
import { type Scene, startScene } from "./scene.ts";

const agents = 100_000;
/** From a press to what one sees of it (interaction to next paint): below this it feels immediate. */
const promptMs = 100;

/** Runs in the page: gathers, in milliseconds, how long after each press or key the page was painted (Event Timing API). */
const watchPresses = `
  globalThis.presses = [];
  new PerformanceObserver((list) => presses.push(...list.getEntries().map(({ duration }) => duration)))
    .observe({ type: "event", durationThreshold: 16 });
`;

let scene: Scene;
let browser: Awaited<ReturnType<typeof startBrowser>>;
let person: Person;

beforeAll(async () => {
  [scene, browser] = await Promise.all([startScene(), startBrowser()]);
  const { id, profileId } = await scene.makeTenant("Acme");
  const tenant: FleetTenant = { id, agents, profiles: [{ id: profileId, isOn: true, changedAt: Date.now() }] };
  const insert = insertIntoSqlite(scene.databaseFile);
  await seedFleet(insert, [tenant], Date.now());
  insert.close();
  person = await newPerson(browser, scene.cluster);
  await logIn(person, "admin", scene.cluster.adminPassword);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await scene?.end();
});

test("with 100,000 agents the list answers every press at once", async () => {
  const { page } = person;
  await page.getByText(`of ${agents.toLocaleString("en")}`).waitFor({ timeout: 30_000 });
  await page.evaluate(watchPresses);
  const settled = () => page.locator("table:not([data-waiting])").waitFor();
  for (let round = 0; round < 5; round += 1) {
    await page.getByLabel("Search agents").pressSequentially("fin", { delay: 60 });
    await page.waitForURL(/q=fin/);
    await settled();
    await page.getByRole("button", { name: "Host name" }).click();
    await settled();
    await page.getByRole("button", { name: "Next" }).click();
    await settled();
    await page
      .getByLabel(/^Select /)
      .nth(3)
      .click();
    await page
      .getByRole("button", { name: /^Menu of / })
      .nth(4)
      .click();
    await page.getByRole("menuitem", { name: "Agent Details" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Clear filters" }).click();
    await settled();
  }
  await page.waitForTimeout(500);
  const sorted = (await page.evaluate<number[]>("presses")).sort((a, b) => a - b);
  // As browsers report it for a page: all but the one in fifty that something else got in the way of.
  const slowest = sorted.at(Math.floor(sorted.length * 0.98) - 1) ?? 0;
  console.log(`  ${sorted.length} presses, median ${sorted.at(sorted.length >> 1)} ms, 98 % within ${slowest} ms`);
  expect(slowest).toBeLessThan(promptMs);
});
