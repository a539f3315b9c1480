// Builds the web console. Plain JavaScript: it runs with the Node that npm happens to be started by, too.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "packages/console");
const stamp = join(folder, "dist/.sources");

/**
 * Builds it unless what is there was built from these very sources. Says that it does, in one line, since it takes some
 * seconds; `report` says more.
 */
export function buildConsoleWhenStale(report = false) {
  const sources = digestOfSources();
  if (read(stamp) === sources) return;
  const started = performance.now();
  console.log("Building the console, for the first time or because its sources have changed …");
  const vite = join(root, "node_modules/vite/bin/vite.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [vite, "build", "--logLevel", "warn"], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, NODE_ENV: "production" },
  });
  if (report || status !== 0) process.stdout.write(stdout ?? "");
  if (status !== 0) {
    process.stderr.write(stderr ?? "");
    console.error("The console could not be built. Run `npm ci` again, then `npm run build:console`.");
    process.exit(1);
  }
  writeFileSync(stamp, sources);
  if (report) console.log(`The console was built in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
}

/** Over the content of everything that the build reads: times of files say nothing after a `git checkout`. */
function digestOfSources() {
  const hash = createHash("sha256");
  const lone = ["index.html", "package.json", "vite.config.ts"];
  const trees = ["src", "build"].flatMap((tree) =>
    readdirSync(join(folder, tree), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1)),
  );
  for (const name of [...lone, ...trees].sort()) {
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(folder, name)))
      .update("\0");
  }
  hash.update(read(join(root, "package-lock.json")) ?? "");
  return hash.digest("hex");
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) buildConsoleWhenStale(true);
