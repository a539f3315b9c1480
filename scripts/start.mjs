// Starts a cluster, after building the console when that is missing or older than its sources. Plain JavaScript, so that it
// runs where the programs behind it could not even be read.
import "./require-node.mjs";
import { buildConsoleWhenStale } from "./build-console.mjs";

buildConsoleWhenStale();
process.argv.splice(2, 0, "serve");
await import("../packages/cluster/bin/postern.mjs");
