/**
 * Builds the package that installs the agent on a Windows workload: `dist/PosternAgent.msi`, from `PosternAgent.exe` and
 * `koffi.node`, which are built first.
 *
 *     node build/build-msi.ts
 *
 * With `POSTERN_SIGN_CERT` and `POSTERN_SIGN_KEY` (PEM files) the executable, koffi.node and the package are signed and lie
 * in `dist/signed`; `POSTERN_SIGN_TIMESTAMP` names a time-stamping server.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { agentFolder, build, distFolder } from "./agent.ts";
import { BuildError, checkDependencies } from "./dependencies.ts";
import { buildMsi } from "./msi.ts";
import { sign, signingIdentity } from "./signing.ts";

try {
  const signer = signingIdentity(process.env);
  const entry = join(agentFolder, "src", "main.ts");
  const packages = await build({ entry, out: distFolder, neutralised: true });
  checkDependencies(join(agentFolder, "deps.txt"), packages, false);
  const dist = signer ? join(distFolder, "signed") : distFolder;
  const out = join(dist, "PosternAgent.msi");
  if (signer) {
    mkdirSync(dist, { recursive: true });
    for (const file of ["PosternAgent.exe", "koffi.node"]) {
      copyFileSync(join(distFolder, file), join(dist, file));
      sign(join(dist, file), signer);
    }
  }
  buildMsi({ dist, out, version: manifest.version });
  if (signer) sign(out, signer);
  console.log(`${relative(process.cwd(), out)} is built, version ${manifest.version}`);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`build: ${error.message}`);
  process.exitCode = 1;
}
