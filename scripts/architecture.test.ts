/**
 * Who may import whom. Biome says the same at the place where it is written (`noRestrictedImports` in biome.json); this
 * holds it against every file, and knows what patterns cannot tell: where a path leads.
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";

/** What each package may import besides its own files. Packages without a row may import what they like, but no part. */
const mayImport: Record<string, { parts: string[]; others?: string[] }> = {
  token: { parts: [], others: [] },
  protocol: { parts: ["token"], others: ["typebox", "node:crypto", "node:buffer"] },
  agent: { parts: ["protocol", "token"] },
  cluster: { parts: ["protocol", "token"] },
  fleet: { parts: ["agent", "protocol", "token"] },
  console: { parts: ["token"] },
};

/** Folders of the cluster: each may import those before it, and all of them what lies beneath. */
const features = [
  "audit",
  "keys",
  "tenants",
  "identity",
  "addresses",
  "packages",
  "profiles",
  "agents",
  "tokens",
  "events",
  "check-in",
  "backup",
];
const beneath = ["db", "http", "config"];

/** The agent's state machine runs on any platform, and in simulated agents. */
const beneathAgentCore = ["core", "limits.ts", "ports.ts"];

interface Import {
  readonly specifier: string;
  /** An `import type` statement: nothing is left of it when the program runs. */
  readonly typeOnly: boolean;
}

function importsOf(source: string): Import[] {
  const statements = source.matchAll(/^\s*(?:import|export)\s+(type\b)?[^;"']*?from\s*["']([^"']+)["']/gm);
  const bare = source.matchAll(/^\s*import\s*["']([^"']+)["']/gm);
  const dynamic = source.matchAll(/\b(?:import|require)\(\s*["']([^"']+)["']/g);
  const urls = source.matchAll(/new URL\(\s*["'](\.[^"']+)["'],\s*import\.meta\.url/g);
  return [
    ...[...statements].map(([, type, specifier = ""]) => ({ specifier, typeOnly: type !== undefined })),
    ...[...bare, ...dynamic, ...urls].map(([, specifier = ""]) => ({ specifier, typeOnly: false })),
  ];
}

/** Why `file` may not import this, or undefined. `sourceOf` gives the text of a file of the repository. */
function violation(
  file: string,
  { specifier, typeOnly }: Import,
  sourceOf: (file: string) => string,
): string | undefined {
  const [, name = "", , ...path] = file.split("/");
  const own = mayImport[name];
  if (!own) return `packages/${name} has no row in this table`;
  if (specifier.startsWith("@postern/")) {
    const part = specifier.split("/")[1] ?? "";
    return own.parts.includes(part) ? undefined : `${name} must not import ${part}`;
  }
  if (!specifier.startsWith(".")) {
    const inCore = name === "agent" && path[0] === "core";
    if (inCore) return "the agent's core runs on no particular platform";
    const allowed = !own.others || own.others.some((other) => specifier === other || specifier.startsWith(`${other}/`));
    return allowed ? undefined : `${name} must not import ${specifier}`;
  }
  const target = normalize(join(dirname(file), specifier)).split("/");
  if (target[0] !== "packages" || target[1] !== name) return `a path that leaves ${name}`;
  if (target[2] !== "src") {
    return name === "token" || name === "protocol" ? "only the sources are imported" : undefined;
  }
  if (name === "agent" && path[0] === "core" && !beneathAgentCore.includes(target[3] ?? "")) {
    return "the agent's core knows nothing around it";
  }
  return name === "cluster" ? violationInCluster(path, target.slice(3), typeOnly, sourceOf) : undefined;
}

function violationInCluster(
  [from = "", ...inFolder]: string[],
  [to = "", ...toFolder]: string[],
  typeOnly: boolean,
  sourceOf: (file: string) => string,
): string | undefined {
  const wires = inFolder.length === 0;
  if (from === to || wires || from === "cli") return undefined;
  const feature = features.indexOf(from);
  if (feature < 0 && !beneath.includes(from)) return `${from}/ has no place in the order`;
  if (toFolder.length > 0) {
    if (beneath.includes(to)) return undefined;
    return feature >= 0 && features.indexOf(to) >= 0 && features.indexOf(to) < feature
      ? undefined
      : `${from}/ must not import ${to}/`;
  }
  // The one list of all tables: features see its types, and nothing of it when they run.
  if (to === "schema.ts" && feature >= 0) return typeOnly ? undefined : "only types are imported from schema.ts";
  return knowsFeatures(to, sourceOf) ? `${from}/ must not import ${to}, which knows the features` : undefined;
}

/** Whether a file beside the folders reaches any folder but those beneath. */
function knowsFeatures(file: string, sourceOf: (file: string) => string, seen = new Set<string>()): boolean {
  if (seen.has(file)) return false;
  seen.add(file);
  return importsOf(sourceOf(`packages/cluster/src/${file}`)).some(({ specifier }) => {
    if (!specifier.startsWith("./")) return false;
    const [first = "", ...rest] = specifier.slice(2).split("/");
    return rest.length > 0 ? !beneath.includes(first) : knowsFeatures(first, sourceOf, seen);
  });
}

const root = join(import.meta.dirname, "..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const sources = globSync("packages/*/src/**/*.{ts,tsx}", { cwd: root })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => !/\.(test|fixture)\.tsx?$/.test(file))
  .sort();

test("every import points the way the arrows run", () => {
  expect(sources.length).toBeGreaterThan(50);
  const violations = sources.flatMap((file) =>
    importsOf(read(file)).flatMap((each) => {
      const why = violation(file, each, read);
      return why === undefined ? [] : [`${file}: "${each.specifier}": ${why}`];
    }),
  );
  expect(violations).toStrictEqual([]);
});

test("ARCHITECTURE.md shows the features in the order that is held, and one row for each", () => {
  const page = read("ARCHITECTURE.md");
  expect(page).toContain(`    ${features.join(" < ")}\n`);
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name = ""]) => name);
  expect(rows.filter((name) => features.includes(name))).toEqual(features);
});

describe("the rule itself", () => {
  const beside: Record<string, string> = {
    "packages/cluster/src/clock.ts": 'import { x } from "node:os";',
    "packages/cluster/src/foundation.ts":
      'import { x } from "./clock.ts";\nimport type { y } from "./audit/record.ts";',
    "packages/cluster/src/serve.ts": 'import { x } from "./foundation.ts";',
    "packages/cluster/src/feed.ts": 'import { x } from "./db/store.ts";',
    "packages/cluster/src/schema.ts": 'import type { x } from "./keys/tables.ts";',
  };
  const sourceOf = (file: string) => beside[file] ?? "";
  const verdict = (file: string, specifier: string, typeOnly = false) =>
    violation(`packages/${file}`, { specifier, typeOnly }, sourceOf);

  test.each([
    ["token/src/verify.ts", "./claims.ts"],
    ["protocol/src/check-in.ts", "@postern/token"],
    ["protocol/src/check-in.ts", "typebox/compile"],
    ["protocol/src/journal.ts", "node:buffer"],
    ["agent/src/service.ts", "./core/step.ts"],
    ["agent/src/windows/guard.ts", "koffi"],
    ["agent/src/core/step.ts", "@postern/protocol"],
    ["agent/src/core/step.ts", "../limits.ts"],
    ["agent/src/release.ts", "../package.json"],
    ["cluster/src/app.ts", "./tokens/routes.ts"],
    ["cluster/src/cli/token.ts", "../tokens/routes.ts"],
    ["cluster/src/tokens/generate.ts", "../audit/record.ts"],
    ["cluster/src/tokens/generate.ts", "../db/store.ts"],
    ["cluster/src/tokens/generate.ts", "../clock.ts"],
    ["cluster/src/tokens/generate.ts", "../feed.ts"],
    ["cluster/src/tokens/generate.ts", "fastify"],
    ["cluster/src/http/server.ts", "../config/config.ts"],
  ])("%s may import %s", (file, specifier) => {
    expect(verdict(file, specifier)).toBeUndefined();
  });

  test.each([
    ["token/src/verify.ts", "node:crypto"],
    ["token/src/verify.ts", "@postern/protocol"],
    ["token/src/verify.ts", "../../protocol/src/limits.ts"],
    ["token/src/verify.ts", "../vectors/fixed-keys.ts"],
    ["protocol/src/check-in.ts", "node:fs"],
    ["protocol/src/check-in.ts", "typebox-codegen"],
    ["protocol/src/check-in.ts", "@postern/agent"],
    ["protocol/src/check-in.ts", "../../../e2e/x.ts"],
    ["agent/src/service.ts", "@postern/cluster"],
    ["agent/src/service.ts", "../../cluster/src/app.ts"],
    ["agent/src/core/step.ts", "node:fs"],
    ["agent/src/core/step.ts", "../windows/guard.ts"],
    ["cluster/src/app.ts", "@postern/agent"],
    ["cluster/src/cli/token.ts", "../../../agent/src/ports.ts"],
    ["cluster/src/audit/record.ts", "../keys/store.ts"],
    ["cluster/src/tokens/generate.ts", "../check-in/hold.ts"],
    ["cluster/src/tokens/generate.ts", "../cli/token.ts"],
    ["cluster/src/tokens/generate.ts", "../foundation.ts"],
    ["cluster/src/tokens/generate.ts", "../serve.ts"],
    ["cluster/src/tokens/generate.ts", "../schema.ts"],
    ["cluster/src/db/store.ts", "../audit/record.ts"],
    ["cluster/src/db/store.ts", "../schema.ts"],
    ["cluster/src/new-feature/x.ts", "../db/store.ts"],
    ["new-part/src/x.ts", "./y.ts"],
  ])("%s must not import %s", (file, specifier) => {
    expect(verdict(file, specifier)).toBeDefined();
  });

  test("a feature sees the types of all tables", () => {
    expect(verdict("cluster/src/tokens/generate.ts", "../schema.ts", true)).toBeUndefined();
  });

  test("finds every way of importing", () => {
    const source = `
import a from "a";
import { b1,
  b2 } from "b";
import type { c } from 'c';
import { type d } from "d";
import "e";
export * from "f";
export type { g } from "g";
const h = await import("h");
const i = require("i");
const j = new Worker(new URL("./j.ts", import.meta.url));
const k = "import nothing from here";
`;
    const found = importsOf(source);
    expect(found.map(({ specifier }) => specifier).sort()).toStrictEqual([..."abcdefghi", "./j.ts"].sort());
    expect(found.filter(({ typeOnly }) => typeOnly).map(({ specifier }) => specifier)).toStrictEqual(["c", "g"]);
  });
});
