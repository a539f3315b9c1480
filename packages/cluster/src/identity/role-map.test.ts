import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ConfigError } from "../config/config-error.ts";
import { readRoleMap } from "./role-map.ts";

const directory = mkdtempSync(join(tmpdir(), "postern-role-map-"));
afterAll(() => rmSync(directory, { recursive: true }));

function reading(text: string) {
  const path = join(directory, "roles.json");
  writeFileSync(path, text);
  return readRoleMap(path);
}

test("a group has one role or several, of the cluster or of a tenant", () => {
  const map = reading('{"admins": "site_admin", "ops": ["tenant_owner@a@b", "auditor"], "nobody": []}');
  expect([...map]).toEqual([
    ["admins", [{ role: "site_admin", tenant: null }]],
    [
      "ops",
      [
        { role: "tenant_owner", tenant: "a@b" },
        { role: "auditor", tenant: null },
      ],
    ],
    ["nobody", []],
  ]);
});

test.each([
  '{"x": "admin"}',
  '{"x": "site_admin@acme"}',
  '{"x": "tenant_owner"}',
  '{"x": "tenant_owner@"}',
  '{"x": ["auditor", 1]}',
  '{"x": null}',
  '{"x": {"role": "auditor"}}',
])("%s is refused, and the group is named", (text) => {
  expect(() => reading(text)).toThrow(/where "x" has something that is no role/);
});

test.each(["", "[]", "null", '"site_admin"', "{"])("the file %j is refused with what to write", (text) => {
  expect(() => reading(text)).toThrow(ConfigError);
  expect(() => reading(text)).toThrow(/Write/);
});

test("a file that is not there is named", () => {
  const path = join(directory, "nothing");
  expect(() => readRoleMap(path)).toThrow(`${path}, which cannot be read`);
});
