/**
 * Builds what is installed on a Windows workload: `dist/PosternAgent.exe` (Node, with the agent inside) and `koffi.node`
 * beside it.
 *
 *     node build/build.ts [--update] [--unpatched] [--entry FILE] [--out FOLDER]
 *
 * `--update` writes `deps.txt` anew instead of comparing it; `--unpatched` leaves Node's environment variables in force,
 * for the test that shows what the patch is good for; `--entry` bundles another program, for the tests of the guard.
 */
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { agentFolder, build, distFolder } from "./agent.ts";
import { BuildError, checkDependencies } from "./dependencies.ts";

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`build: ${error.message}`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      update: { type: "boolean", default: false },
      unpatched: { type: "boolean", default: false },
      entry: { type: "string" },
      out: { type: "string" },
    },
  });
  const out = values.out ?? (values.unpatched ? join(distFolder, "unpatched") : distFolder);
  const entry = values.entry ?? join(agentFolder, "src", "main.ts");
  const packages = await build({ entry, out, neutralised: !values.unpatched });
  if (values.entry === undefined) checkDependencies(join(agentFolder, "deps.txt"), packages, values.update);
  console.log(`${relative(process.cwd(), join(out, "PosternAgent.exe"))} and koffi.node are built`);
}
