import { expect, test } from "vitest";
import { audienceOf, isIssuer, issuerOf, parseAudience, type TokenTarget } from "./claims.ts";

const id = "0199a1b2-0000-7000-8000-00000000a001";

test.each<TokenTarget>([{ kind: "cluster" }, { kind: "tenant", tenantId: id }, { kind: "agent", agentId: id }])(
  "an audience of kind $kind is read back",
  (target) => {
    expect(parseAudience(audienceOf(target))).toStrictEqual(target);
  },
);

test.each([
  [undefined],
  [null],
  [1],
  [["cluster"]],
  [{ kind: "cluster" }],
  [""],
  ["cluster "],
  [`cluster:${id}`],
  [id],
  [`:${id}`],
  ["tenant:"],
  [`tenant:${id}0`],
  [`tenant:${id}\n`],
  [`tenant:tenant:${id}`],
  [`tenant:${id.toUpperCase()}`],
  [`TENANT:${id}`],
  ["agent:00000000-0000-0000-0000-000000000000"],
])("%j names nobody", (aud) => {
  expect(parseAudience(aud)).toBeUndefined();
});

test("only a cluster's URN is an issuer", () => {
  expect(isIssuer(issuerOf(id))).toBe(true);
  for (const other of ["", id, issuerOf(""), `${issuerOf(id)}/`, ` ${issuerOf(id)}`, issuerOf(id).toUpperCase()]) {
    expect(isIssuer(other), other).toBe(false);
  }
});
