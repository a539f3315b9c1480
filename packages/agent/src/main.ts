import { program } from "./program.ts";

// No top-level await: the shipped executable holds this as one CommonJS script.
void program(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
