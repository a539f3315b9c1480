// Writes the types of the management API, from the OpenAPI document of the cluster in this checkout.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import openapiTS, { astToString } from "openapi-typescript";

const program = join(import.meta.dirname, "../../cluster/build/write-openapi.ts");
const directory = join(import.meta.dirname, "../generated");
const document = execFileSync(process.execPath, [program], { encoding: "utf8", maxBuffer: 32 * 1024 * 1024 });
// As a module of a name that no file has: the linter would follow a path, and is not made for types of this size.
const types = astToString(await openapiTS(document, { alphabetize: true }));
mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, "api.d.ts"), `declare module "postern-api" {\n${types}}\n`);
