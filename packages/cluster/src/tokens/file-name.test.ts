import { toUnixSeconds } from "@postern/token";
import { expect, test } from "vitest";
import { tokenFileName } from "./file-name.ts";

const expiry = toUnixSeconds(Date.parse("2026-11-24T09:05:59Z"));

test.each([
  [{ kind: "cluster" } as const, "agent-token-cluster-20261124T0905Z.txt"],
  [{ kind: "tenant", tenantName: "Acme" } as const, "agent-token-tenant-Acme-20261124T0905Z.txt"],
  [{ kind: "agent", hostName: "db-07.corp" } as const, "agent-token-agent-db-07.corp-20261124T0905Z.txt"],
])("names whom the token is for and when it ends: %j", (subject, name) => {
  expect(tokenFileName(subject, expiry)).toBe(name);
});

test.each([
  ["../../etc/passwd", "etc-passwd"],
  ["..\\..\\windows", "windows"],
  ['a"; filename="b.exe', "a-filename-b.exe"],
  ["a\r\nSet-Cookie: x", "a-Set-Cookie-x"],
  ["Größe & Söhne", "Gro-e-Sohne"],
  ["日本", "unnamed"],
  ["", "unnamed"],
  ["...", "unnamed"],
  ["x".repeat(300), "x".repeat(64)],
])("reduces %j to a harmless name", (hostName, name) => {
  expect(tokenFileName({ kind: "agent", hostName }, expiry)).toBe(`agent-token-agent-${name}-20261124T0905Z.txt`);
});
