/** Builds all packages that the tests on Windows install; to be run on Linux. */
import { packageFile, packageNames } from "./packages.ts";

for (const name of packageNames) console.log(packageFile(name));
