/**
 * A workflow is run where nobody of us sits: what it names has to be there. Its shape is the service's business; the names
 * are ours.
 */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import manifest from "../package.json" with { type: "json" };

interface Step {
  readonly run?: string;
  readonly uses?: string;
}
interface Job {
  readonly steps: readonly Step[];
  readonly needs?: string;
  readonly strategy?: { readonly matrix: Readonly<Record<string, string | readonly (string | number)[]>> };
}
interface Workflow {
  readonly jobs: Readonly<Record<string, Job>>;
}

const root = join(import.meta.dirname, "..");
const folder = ".github/workflows";
const workflows = globSync("*.yml", { cwd: join(root, folder) }).map((file) => ({
  file,
  workflow: parse(readFileSync(join(root, folder, file), "utf8")) as Workflow,
}));

const fileName = /(?<![\w/.$-])(?:[\w.-]+\/)+[\w.-]+/g;

/** What a step's lines name that is not there: scripts of npm, and files and folders of the repository. */
function missingIn(run: string): string[] {
  const scripts = [...run.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(([, name = ""]) => name);
  const files = [...run.matchAll(fileName)].map(([path]) => path);
  return [
    ...scripts.filter((name) => !(name in manifest.scripts)),
    ...files.filter((path) => !path.startsWith("node_modules/") && !existsSync(join(root, path))),
  ];
}

describe.each(workflows)("$file", ({ workflow }) => {
  const jobs = Object.entries(workflow.jobs);

  test("runs scripts and names files that there are", () => {
    const steps = jobs.flatMap(([, { steps }]) => steps);
    expect(steps.length).toBeGreaterThan(0);
    expect(steps.flatMap(({ run }) => missingIn(run ?? ""))).toEqual([]);
  });

  test("each job waits for jobs that there are", () => {
    const names = jobs.map(([name]) => name);
    expect(jobs.flatMap(([, { needs }]) => (needs && !names.includes(needs) ? [needs] : []))).toEqual([]);
  });
});

test("each test of the agent gets a machine on Windows", () => {
  const service = workflows.find(({ file }) => file === "windows.yml")?.workflow.jobs["service"];
  expect(service?.strategy?.matrix["file"]).toBe("${{ fromJSON(needs.package.outputs.files) }}");
  const listed = execFileSync(process.execPath, ["e2e/windows-files.ts"], { cwd: root, encoding: "utf8" });
  const files = JSON.parse(listed.replace("files=", "")) as string[];
  expect(files).toEqual(expect.arrayContaining(["windows/machine", "wine/guard", "wine/msi", "wine/story"]));
  expect(files.filter((file) => !existsSync(join(root, "e2e", `${file}.test.ts`)))).toEqual([]);
});

test("a name that is not there is found", () => {
  expect(missingIn("npm ci\nnpm run build:nothing -- --unpatched\nnode e2e/windows/gone.ts")).toEqual([
    "build:nothing",
    "e2e/windows/gone.ts",
  ]);
});
