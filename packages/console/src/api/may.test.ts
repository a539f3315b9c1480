import { expect, test } from "vitest";
import { mayOf } from "./may.ts";
import type { Session } from "./types.ts";

const acme = "acme";
const umbrella = "umbrella";
const may = mayOf({
  permissions: [
    { permission: "agent.read", everywhere: true, tenantIds: [] },
    { permission: "agent.manage", everywhere: false, tenantIds: [acme] },
  ],
  agentTokens: [{ kind: "agent", everywhere: false, tenantIds: [acme] }],
} as unknown as Session);

test("a permission held everywhere is held in every tenant", () => {
  expect([may("agent.read"), may("agent.read", umbrella), may.everywhere("agent.read")]).toEqual([true, true, true]);
});

test("a permission of one tenant is held there, and somewhere, and not everywhere", () => {
  const asked = [may("agent.manage"), may("agent.manage", acme), may("agent.manage", umbrella)];
  expect(asked).toEqual([true, true, false]);
  expect(may.everywhere("agent.manage")).toBe(false);
});

test("what is not named is not held", () => {
  expect([may("key.read"), may("key.read", acme), may.everywhere("key.read")]).toEqual([false, false, false]);
});

test("agent tokens go by kind and tenant", () => {
  expect([may.token("agent", acme), may.token("agent", umbrella), may.token("tenant", acme)]).toEqual([
    true,
    false,
    false,
  ]);
});
