#!/usr/bin/env node
// Plain JavaScript, so that a Node too old to read the program behind it can still say what is missing.

const needed = 24;

if (Number(process.versions.node.split(".")[0]) < needed) {
  console.error(
    `Postern needs Node ${needed} or newer; this is ${process.versions.node}. ` +
      `Start it with "npm start" or "npx postern" after "npm ci", which brings Node ${needed}, or install Node ${needed}.`,
  );
  process.exit(1);
}
await import("../src/main.ts");
