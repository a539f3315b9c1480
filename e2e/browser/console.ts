import { existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import type { RunningCluster } from "../../packages/cluster/test/running-cluster.ts";

/** A browser with one profile: one person at one desk. */
export interface Person {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser complained of so far: errors of the page, and what the Content-Security-Policy refused. */
  readonly complaints: readonly string[];
}

/** Where the pictures go; not committed. */
const pictures = join(import.meta.dirname, "pictures");

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

function findChromium(): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = ["chromium", "chromium-browser", "google-chrome"]
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error("There is no Chromium on the PATH (Debian: chromium).");
  return found;
}

/** Somebody who opens the console and is not logged in. */
export async function newPerson(browser: Browser, { url }: RunningCluster, width = 1280): Promise<Person> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width, height: width < 600 ? 844 : 860 },
    colorScheme: "light",
    reducedMotion: "reduce",
    acceptDownloads: true,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.stack ?? error.message));
  page.on("console", (message) => {
    // Answers that are errors by design are told on the page; the browser logs each of them, too.
    const isAnswer = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isAnswer) complaints.push(message.text());
  });
  return { page, context, complaints };
}

/** Logs in at the log-in page, as a person does, and waits for `path`. */
export async function logIn({ page }: Person, name: string, password: string, path = "/"): Promise<void> {
  await page.goto(path);
  await page.getByLabel("User").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await page.getByRole("banner").waitFor();
}

/** The page as it is, in both schemes and in both widths, as `NAME-light-1280.png` and so on. */
export async function takePictures(
  { page }: Person,
  name: string,
  widths: readonly number[] = [1280, 390],
): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  const size = page.viewportSize() ?? { width: 1280, height: 860 };
  for (const width of widths) {
    await page.setViewportSize({ width, height: width < 600 ? 844 : 860 });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.waitForTimeout(120);
      await page.screenshot({ path: join(pictures, `${name}-${colorScheme}-${width}.png`) });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(size);
}

const wcag = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** Fails on every violation of WCAG 2.2 A and AA that axe finds on the page as it is; in the dark only colours differ. */
export async function expectAccessible({ page }: Person): Promise<void> {
  const builders = {
    light: new AxeBuilder({ page }).withTags(wcag),
    dark: new AxeBuilder({ page }).withRules(["color-contrast"]),
  };
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await builders[colorScheme].analyze();
    const found = violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id} (${colorScheme}): ${html}\n${failureSummary}`),
    );
    expect(found).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: "light" });
}
