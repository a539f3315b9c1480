/**
 * Builds the package that installs the agent on a Windows workload: `dist/PosternAgent.msi`, from `PosternAgent.exe` and
 * `koffi.node`, which are built first.
 *
 *     node build/build-msi.ts [--version 1.2.3]
 *
 * With `--version` the agent is of that version instead of package.json's, and everything lies in `dist/1.2.3`: for trying
 * an update.
 *
 * With `POSTERN_SIGN_CERT` and `POSTERN_SIGN_KEY` (PEM files) the executable, koffi.node and the package are signed and lie
 * in `dist/signed`; `POSTERN_SIGN_TIMESTAMP` names a time-stamping server.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { agentFolder, build, distFolder } from "./agent.ts";
import { BuildError, checkDependencies } from "./dependencies.ts";
import { buildMsi } from "./msi.ts";
import { sign, signingIdentity } from "./signing.ts";

try {
  const signer = signingIdentity(process.env);
  const entry = join(agentFolder, "src", "main.ts");
  const { values } = parseArgs({ options: { version: { type: "string" } } });
  const version = values.version ?? manifest.version;
  const built = values.version === undefined ? distFolder : join(distFolder, version);
  const packages = await build({ entry, out: built, neutralised: true, version });
  checkDependencies(join(agentFolder, "deps.txt"), packages, false);
  const dist = signer ? join(built, "signed") : built;
  const out = join(dist, "PosternAgent.msi");
  if (signer) {
    mkdirSync(dist, { recursive: true });
    for (const file of ["PosternAgent.exe", "koffi.node"]) {
      copyFileSync(join(built, file), join(dist, file));
      sign(join(dist, file), signer);
    }
  }
  buildMsi({ dist, out, version });
  if (signer) sign(out, signer);
  console.log(`${relative(process.cwd(), out)} is built, version ${version}`);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`build: ${error.message}`);
  process.exitCode = 1;
}
