import { readFileSync } from "node:fs";
import { platforms } from "@postern/protocol";
import { enrol } from "../src/check-in/fake-agent.fixture.ts";

// For the command scripts: enrols a made-up workload and lets it report once.
//   enrol-workload URL HOST PLATFORM [KIND of journal entry …] < activation key
const [url = "", hostName = "", wanted = "windows", ...kinds] = process.argv.slice(2);
const platform = platforms.find((known) => known === wanted) ?? "windows";
const agent = await enrol(url, readFileSync(0, "utf8").trim(), {
  hostName,
  platform,
  machineId: `machine-${hostName}`,
});
agent.journal("enrolled");
agent.journal("service_started");
for (const kind of kinds) agent.journal(kind);
// As one that has applied nothing: the cluster answers at once instead of holding the check-in.
await agent.checkIn({ applied: { rev: 0 } });
