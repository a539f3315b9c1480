/**
 * Builds the package that installs the agent on a Windows workload: `dist/PosternAgent.msi`, from `PosternAgent.exe` and
 * `koffi.node`, which are built first.
 *
 *     node build/build-msi.ts
 */
import { join, relative } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { agentFolder, build, distFolder } from "./agent.ts";
import { BuildError, checkDependencies } from "./dependencies.ts";
import { buildMsi } from "./msi.ts";

try {
  const entry = join(agentFolder, "src", "main.ts");
  const packages = await build({ entry, out: distFolder, neutralised: true });
  checkDependencies(join(agentFolder, "deps.txt"), packages, false);
  const out = join(distFolder, "PosternAgent.msi");
  buildMsi({ dist: distFolder, out, version: manifest.version });
  console.log(`${relative(process.cwd(), out)} is built, version ${manifest.version}`);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`build: ${error.message}`);
  process.exitCode = 1;
}
