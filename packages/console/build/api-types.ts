// Writes the types of the management API, from the OpenAPI document of the cluster in this checkout.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import openapiTS, { astToString } from "openapi-typescript";

const program = join(import.meta.dirname, "../../cluster/build/write-openapi.ts");
const directory = join(import.meta.dirname, "../generated");
const document = execFileSync(process.execPath, [program], { encoding: "utf8", maxBuffer: 32 * 1024 * 1024 });
const types = astToString(await openapiTS(document, { alphabetize: true }));
mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, "api.d.ts"), types);
