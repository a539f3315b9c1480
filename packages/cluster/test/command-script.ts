import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sampleMsi } from "../src/packages/msi.fixture.ts";
import { compiledBefore } from "./quick-temp.ts";
import { posternProgram, type RunningCluster } from "./running-cluster.ts";

/**
 * A script of commands, each with the output it must have. A command is a line that begins with `$ `; what stands below
 * it, up to the next command, comment (`#`) or end of the block, is its output, standard output and standard error as a
 * terminal shows them; `[3]` at its end is an exit code other than 0. In a Markdown file only the blocks marked
 * `console` count, so that a page of the docs is a script of its own.
 */
export interface ScriptStep {
  readonly command: string;
  /** Line numbers of the expected output: from, and up to but without. */
  readonly from: number;
  readonly to: number;
  readonly expected: string;
}

export function parseScript(text: string, markdown: boolean): ScriptStep[] {
  const lines = text.split("\n");
  const steps: ScriptStep[] = [];
  let inBlock = !markdown;
  let open: { command: string; from: number } | undefined;

  function close(to: number): void {
    if (!open) return;
    let end = to;
    while (end > open.from && lines[end - 1] === "") end--;
    steps.push({ ...open, to: end, expected: lines.slice(open.from, end).join("\n") });
    open = undefined;
  }

  for (const [index, line] of lines.entries()) {
    if (markdown && line.startsWith("```")) {
      close(index);
      inBlock = line === "```console";
    } else if (inBlock && line.startsWith("$ ")) {
      close(index);
      open = { command: line.slice(2), from: index + 1 };
    } else if (inBlock && line.startsWith("#")) close(index);
  }
  close(lines.length);
  return steps;
}

/** Parts that differ from run to run, each under a name of its own; both sides are compared after this. */
const masks: readonly (readonly [RegExp, string])[] = [
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, "<token>"],
  [/\bpostern-ak1\.[\w.-]+/g, "<activation key>"],
  [/\bpst_[\w-]+/g, "<api key>"],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b/g, "<id>"],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z/g, "<time>"],
  [/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( [A-Z]{2,4}([+-]\d+)?)?/g, "<local time>"],
  [/\b\d{8}T\d{4}Z/g, "<expiry>"],
  [/\b\d{8}T\d{6}Z/g, "<moment>"],
  [/\b[\d,]+ rows\b/g, "<rows>"],
  [/\b[\d.]+ [kM]B\b/g, "<size>"],
  [/\b\d+ (d|h|min|s)\b( \d+ (h|min|s)\b)?/g, "<duration>"],
  [/(?<![\w-])[\w-]{42}[AEIMQUYcgkosw048](?![\w-])/g, "<sha256>"],
  [/\b[0-9a-f]{64}\b/g, "<hash>"],
  [/127\.0\.0\.1:\d+/g, "127.0.0.1:7480"],
  [/(?:\/[\w-]+)+\/postern-whole-\w+/g, "/home/operator"],
  [/ {2,}/g, "  "],
];

export function masked(text: string): string {
  return masks.reduce((rest, [pattern, name]) => rest.replace(pattern, name), text);
}

/** What the steps of a script run with: a home directory of their own, and `postern` on the path. */
export interface ScriptShell {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  run(command: string): Promise<string>;
}

export async function openShell(cluster: RunningCluster, name: string): Promise<ScriptShell> {
  const home = join(cluster.directory, name);
  await mkdir(join(home, "bin"), { recursive: true });
  await writeFile(join(home, "bin/first-id"), `#!/bin/sh\ngrep -m1 -o '"id": "[^"]*' | cut -c8-\n`, { mode: 0o755 });
  const enrolWorkload = join(import.meta.dirname, "enrol-workload.ts");
  await writeProgram(join(home, "bin/postern"), `"${posternProgram}" "$@"`);
  await writeProgram(join(home, "bin/enrol-workload"), `"${enrolWorkload}" "${cluster.url}" "$@"`);
  await writeFile(join(home, "PosternAgent.msi"), sampleMsi());
  await writeFile(join(home, "admin-password"), `${cluster.adminPassword}\n`, { mode: 0o600 });
  const env = {
    PATH: `${join(home, "bin")}:${process.env["PATH"] ?? ""}`,
    HOME: home,
    ...compiledBefore(),
    TZ: "Europe/Berlin",
    POSTERN_URL: cluster.url,
  };
  return { home, env, run: (command) => outputOf(command, home, env) };
}

function writeProgram(path: string, call: string): Promise<void> {
  return writeFile(path, `#!/bin/sh\nexec "${process.execPath}" ${call}\n`, { mode: 0o755 });
}

function outputOf(command: string, cwd: string, env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("sh", ["-c", `exec 2>&1\n${command}`], { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => resolve(`${output.trimEnd()}${code === 0 ? "" : `\n[${code}]`}`.trimStart()));
  });
}

/** One step as it was meant to go and as it went, both masked. */
export interface StepResult {
  readonly command: string;
  readonly expected: string;
  readonly actual: string;
}

/**
 * Runs a script from top to bottom. With `POSTERN_UPDATE_SCRIPTS=1` it writes into the file what the commands really
 * printed, where that differs; read the difference before you keep it.
 */
export async function runScript(path: string, shell: ScriptShell): Promise<StepResult[]> {
  const text = await readFile(path, "utf8");
  const steps = parseScript(text, path.endsWith(".md"));
  const printed: string[] = [];
  for (const { command } of steps) printed.push(await shell.run(command));
  if (process.env["POSTERN_UPDATE_SCRIPTS"] === "1") await writeFile(path, withOutputs(text, steps, printed));
  return steps.map(({ command, expected }, index) => ({
    command,
    expected: masked(expected),
    actual: masked(printed[index] ?? ""),
  }));
}

function withOutputs(text: string, steps: readonly ScriptStep[], printed: readonly string[]): string {
  const lines = text.split("\n");
  for (const [index, { from, to, expected }] of [...steps.entries()].reverse()) {
    const actual = printed[index] ?? "";
    if (masked(actual) !== masked(expected))
      lines.splice(from, to - from, ...(actual === "" ? [] : actual.split("\n")));
  }
  return lines.join("\n");
}
