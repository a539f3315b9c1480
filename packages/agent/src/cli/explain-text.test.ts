import { expect, test } from "vitest";
import { fakeAuthority } from "../authority.fixture.ts";
import { readUnverified, tokenText, unverifiedText } from "./explain-text.ts";

const authority = fakeAuthority();
const issued = Date.UTC(2026, 10, 24, 14, 0) / 1000;
const tenant = "01932000-0000-7000-8000-00000000000a";

test("a verified token: what it is, for whom, when, for how long, by which key, and what this agent would do", async () => {
  const unverified = readUnverified(`\uFEFF ${await authority.token(issued)}\r\n`);
  const claims = unverified?.claims as Parameters<typeof tokenText>[0];
  const text = tokenText({ ...claims, challenge: true, refusal: "expired" }, unverified?.kid, (issued + 1140) * 1000);
  expect(text).toBe(`kind                 agent: for one agent
for                  agent:${authority.agentId}
of                   urn:postern:cluster:${authority.clusterId}
issued               2026-11-24T14:00:00Z (19 minutes ago)
expires              2026-11-24T14:15:00Z (4 minutes ago)
lifts for            4 hours at most
answers a challenge  yes
token id             ${claims.jti}
key id               ${unverified?.kid}
this agent would     refuse it: expired
`);
});

test("one that is not verified says so first, and of what this agent would do nothing", async () => {
  const unverified = readUnverified(await authority.token(issued, { aud: `tenant:${tenant}` }));
  const text = unverified ? unverifiedText(unverified) : "";
  expect(text).toMatch(/^What it says of itself; nothing of this is verified:\nkind +tenant: for a tenant's agents\n/);
  expect(text).toContain("issued               2026-11-24T14:00:00Z\n");
  expect(text).not.toContain("this agent would");
});

test("a forger chooses words, not what the terminal does with them", () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const forged = [
    part({ alg: "none", kid: "\u001b[2J" }),
    part({ aud: "\u001b]0;evil\u0007", jti: "x".repeat(500), exp: 1e300, iat: "soon", lift: -1 }),
    "A".repeat(86),
  ].join(".");
  const unverified = readUnverified(forged);
  const text = unverified ? unverifiedText(unverified) : "";
  expect(text).toContain("kind                 unknown\n");
  expect(text).toContain("key id               ?[2J\n");
  expect(text).not.toMatch(/[^ -~\n]|x{121}|expires|issued|lifts/);
});

test.each(["", "no token", "a.b", "a.b.c", "x".repeat(1_000_000)])("there is nothing to read in %.20j", (text) => {
  expect(readUnverified(text)).toBeUndefined();
});
