// Starts the demo, after building the console as `npm start` does, or has the demo that runs do something. Plain JavaScript,
// so that it runs where the programs behind it could not even be read.
import "./require-node.mjs";
import { buildConsoleWhenStale } from "./build-console.mjs";

const words = process.argv.slice(2);
const starts = words.every((word, at) => word.startsWith("--") || words[at - 1]?.startsWith("--"));
if (starts && !words.includes("--help")) buildConsoleWhenStale();
await import("../packages/fleet/src/demo/main.ts");
