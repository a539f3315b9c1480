import { expect, test } from "vitest";
import { collectFacts } from "./facts.ts";

test("a machine that cannot name its interfaces yet still says the rest", () => {
  const facts = collectFacts({ name: "windows", machineId: () => "machine" }, "0.1.0", () => {
    throw new Error("uv_interface_addresses returned Unknown system error 2");
  });
  expect(facts).toMatchObject({ platform: "windows", machineId: "machine", agentVersion: "0.1.0", addresses: [] });
});
