import { expect, test } from "vitest";
import type { StatusView } from "../commands.ts";
import { statusText } from "./status-text.ts";

const at = (hour: number, minute = 0) => Date.UTC(2026, 10, 24, hour, minute);
const lifted: StatusView = {
  agentVersion: "1.2.3",
  platform: "windows",
  enrolled: true,
  agentId: "a",
  tenantId: "t",
  clusterId: "c",
  clusterUrl: "https://c.example",
  protection: {
    state: "lifted",
    since: at(14),
    budgetLeft: 14_280,
    jti: "0193",
    layers: { serviceDacl: "off", files: "failed: Windows error 5" },
    services: [{ name: "Sysmon64", state: "not_guarded" }],
  },
  because: "token",
  trustedTime: new Date(at(14, 2)).toISOString(),
  systemTime: new Date(at(13, 57)).toISOString(),
  clockTrusted: true,
  config: { rev: 7, serviceProtection: { on: true, liftSeconds: 14_400, singleUse: false, requireChallenge: false } },
  link: { reachedSecondsAgo: 300, trouble: "cluster_unreachable" },
  journalWaiting: 2,
};

test("state, why, since when, what is left, each layer, the times, the connection", () => {
  expect(statusText(lifted)).toBe(`service protection  lifted, 3 hours 58 minutes left
  because           the token 0193 was redeemed
  since             2026-11-24T14:00:00Z (2 minutes ago)
  serviceDacl       off
  files             failed: Windows error 5
  service Sysmon64  not guarded
trusted time        2026-11-24T14:02:00Z
system clock        2026-11-24T13:57:00Z
cluster             https://c.example
connection          reached 5 minutes ago; now: cluster_unreachable
config              revision 7
journal             2 entries wait for the cluster
agent id            a
tenant id           t
agent version       1.2.3
`);
});

test("a clock that was set back, and what to do then", () => {
  expect(statusText({ ...lifted, clockTrusted: false })).toMatch(/^trusted time .*\(.*set back: use -challenge\)$/m);
});

test("an enrolment that the installer left waiting, and what it waits for", () => {
  const waiting: StatusView = {
    agentVersion: "1.2.3",
    platform: "windows",
    enrolled: false,
    protection: { state: "off", since: 0, layers: {} },
    because: "not_enrolled",
    systemTime: new Date(at(14)).toISOString(),
    pendingEnrolment: { cluster: "https://c.example", trouble: "cluster_unreachable" },
  };
  expect(statusText(waiting)).toContain(
    "enrolled            not yet\n  waits for         https://c.example, which the installer named; now: cluster_unreachable\n",
  );
  const { pendingEnrolment: _, ...told } = waiting;
  expect(statusText(told)).toContain("enrolled            no; join a cluster with -enroll\n");
});
