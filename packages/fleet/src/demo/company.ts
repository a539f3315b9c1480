import type { Platform } from "@postern/protocol";
import type { Workload } from "../simulated-agent.ts";
import { machineId } from "../workloads.ts";

/** Who is in the demo. Everything here is always the same, so that pictures and tests of it are. */
export const hanse = "Hanse Freight";
export const dairy = "Alpine Dairy";

export interface Person {
  readonly name: string;
  readonly role: "site_admin" | "customer_support" | "tenant_owner" | "agent_installer" | "auditor";
  /** The tenant the role is held in; without it, the cluster. */
  readonly tenant?: string;
  /** Without it: made by the cluster's first start. */
  readonly isAdmin?: true;
  readonly may: string;
}

export const people: readonly Person[] = [
  { name: "admin", role: "site_admin", isAdmin: true, may: "everything, tokens for the whole cluster included" },
  { name: "sofia", role: "customer_support", may: "read all tenants; tokens for any tenant and any agent" },
  { name: "henrik", role: "tenant_owner", tenant: hanse, may: "manage the tenant; no tokens here (on-prem)" },
  { name: "ingrid", role: "agent_installer", tenant: hanse, may: "enrol agents; tokens for one agent at a time" },
  { name: "greta", role: "tenant_owner", tenant: dairy, may: "as henrik, for the other tenant" },
  { name: "anton", role: "auditor", may: "read everything, the audit log included" },
];

export interface Machine extends Workload {
  readonly tenant: string;
  readonly labels: readonly string[];
}

const server2025 = "Windows Server 2025 Datacenter (10.0.26100)";
const server2022 = "Windows Server 2022 Standard (10.0.20348)";
const windows11 = "Windows 11 Enterprise (10.0.26100)";
const windowsIot = "Windows 10 IoT Enterprise LTSC (10.0.19044)";

const notYetUpdated = new Set(["HAM-DC-02", "BRE-WS-003", "RTM-SCAN-01", "kem-hist-01", "BZO-WS-001"]);

export const machines: readonly Machine[] = [
  windows(hanse, "HAM-DC-01", server2025, "10.20.0.11", ["site:hamburg", "role:server", "tier:0"]),
  windows(hanse, "HAM-DC-02", server2025, "10.20.0.12", ["site:hamburg", "role:server", "tier:0"]),
  windows(hanse, "HAM-FS-01", server2022, "10.20.0.21", ["site:hamburg", "role:server"]),
  windows(hanse, "HAM-SQL-01", server2022, "10.20.0.31", ["site:hamburg", "role:server", "app:tms"]),
  windows(hanse, "HAM-SQL-02", server2022, "10.20.0.32", ["site:hamburg", "role:server", "app:tms"]),
  windows(hanse, "HAM-WS-014", windows11, "10.20.4.14", ["site:hamburg", "dept:customs"]),
  windows(hanse, "HAM-WS-022", windows11, "10.20.4.22", ["site:hamburg", "dept:customs"]),
  windows(hanse, "HAM-WS-031", windows11, "10.20.4.31", ["site:hamburg", "dept:finance"]),
  windows(hanse, "BRE-WS-003", windows11, "10.21.4.3", ["site:bremen"]),
  windows(hanse, "BRE-WS-007", windows11, "10.21.4.7", ["site:bremen"]),
  windows(hanse, "BRE-KIOSK-01", windowsIot, "10.21.9.1", ["site:bremen", "kiosk"]),
  windows(hanse, "RTM-WS-002", windows11, "10.22.4.2", ["site:rotterdam"]),
  windows(hanse, "RTM-WS-009", windows11, "10.22.4.9", ["site:rotterdam"]),
  windows(hanse, "RTM-SCAN-01", windowsIot, "10.22.7.1", ["site:rotterdam", "quay:3"]),
  windows(hanse, "RTM-SCAN-02", windowsIot, "10.22.7.2", ["site:rotterdam", "quay:4"]),
  windows(hanse, "RTM-SCAN-03", windowsIot, "10.22.7.3", ["site:rotterdam", "quay:4"]),
  other(hanse, "ham-web-01", "linux", "Debian GNU/Linux 13 (6.12.48)", "x64", "10.20.1.1", ["site:hamburg", "dmz"]),
  other(hanse, "ham-web-02", "linux", "Debian GNU/Linux 13 (6.12.48)", "x64", "10.20.1.2", ["site:hamburg", "dmz"]),
  other(hanse, "rtm-mq-01", "linux", "Red Hat Enterprise Linux 9.7 (5.14.0)", "x64", "10.22.1.5", ["site:rotterdam"]),
  other(hanse, "HAM-MAC-05", "macos", "macOS 26.1 (25.1.0)", "arm64", "10.20.5.5", ["site:hamburg", "dept:design"]),
  other(hanse, "ham-erp", "aix", "AIX 7.3 (7300-03)", "ppc64", "10.20.2.1", ["site:hamburg", "app:erp"]),
  windows(dairy, "KEM-DC-01", server2022, "10.40.0.11", ["site:kempten", "role:server"]),
  windows(dairy, "KEM-MES-01", server2022, "10.40.2.1", ["site:kempten", "line:1"]),
  windows(dairy, "KEM-MES-02", server2022, "10.40.2.2", ["site:kempten", "line:2"]),
  windows(dairy, "KEM-LAB-01", windows11, "10.40.6.1", ["site:kempten", "lab"]),
  windows(dairy, "KEM-WS-004", windows11, "10.40.4.4", ["site:kempten"]),
  windows(dairy, "BZO-WS-001", windows11, "10.41.4.1", ["site:bolzano"]),
  windows(dairy, "BZO-WS-002", windows11, "10.41.4.2", ["site:bolzano"]),
  windows(dairy, "BZO-SCALE-01", windowsIot, "10.41.7.1", ["site:bolzano", "line:3"]),
  other(dairy, "kem-hist-01", "linux", "Ubuntu 24.04.3 LTS (6.8.0)", "x64", "10.40.1.9", ["site:kempten"]),
  other(dairy, "kem-db-01", "solaris", "Oracle Solaris 11.4 (5.11)", "x64", "10.40.1.4", ["site:kempten"]),
  other(dairy, "KEM-MAC-02", "macos", "macOS 15.7 (24.6.0)", "arm64", "10.40.5.2", ["site:kempten"]),
];

/** Machines that are no more: what is left of them is in the cluster. */
export const leavers = {
  returned: windows(dairy, "KEM-WS-002", windows11, "10.40.4.2", []),
  lost: windows(hanse, "BRE-WS-001", windows11, "10.21.4.1", []),
};

/** The machine that lost its connection and waits for its token. */
export const cutOff = "HAM-SQL-02";

export interface ProfilePlan {
  readonly tenant: string;
  readonly name: string;
  /** As `POST /profiles` takes them. */
  readonly settings: object;
  /** Agents that get it; without it: those that nothing else fits. */
  readonly intent?: { readonly name: string; readonly filter: object };
}

/** In the order of their intents. `Workstations` is switched on later than made, as things go. */
export const profiles: readonly ProfilePlan[] = [
  {
    tenant: hanse,
    name: "Servers",
    settings: {
      serviceProtection: { on: true, liftSeconds: 3_600, singleUse: true, services: ["Sysmon64", "MSSQLSERVER"] },
    },
    intent: { name: "servers", filter: { platforms: ["windows"], labels: ["role:server"] } },
  },
  {
    tenant: hanse,
    name: "Quay scanners",
    settings: { serviceProtection: { on: true }, checkIn: { holdMs: 10_000, afterMs: null }, cleanUpAfterDays: 90 },
    intent: { name: "scanners on the quay", filter: { hostName: "*-SCAN-*", addresses: ["10.22.7.0/24"] } },
  },
  {
    tenant: hanse,
    name: "Workstations",
    settings: { serviceProtection: { on: false, services: ["Sysmon64", "osqueryd"] }, desiredVersion: "0.1.0" },
    intent: { name: "workstations", filter: { platforms: ["windows"], hostName: "???-WS-*" } },
  },
  {
    tenant: dairy,
    name: "Production line",
    settings: { serviceProtection: { on: true, requireChallenge: true, liftSeconds: 1_800 }, cleanUpAfterDays: 180 },
    intent: { name: "what runs a line", filter: { hostName: "KEM-MES-*" } },
  },
  {
    tenant: dairy,
    name: "Laboratory",
    settings: { serviceProtection: { on: false } },
    intent: { name: "laboratory", filter: { labels: ["lab"] } },
  },
];

function windows(tenant: string, hostName: string, osVersion: string, address: string, labels: string[]): Machine {
  return other(tenant, hostName, "windows", osVersion, "x64", address, labels);
}

function other(
  tenant: string,
  hostName: string,
  platform: Platform,
  osVersion: string,
  arch: string,
  address: string,
  labels: string[],
): Machine {
  const agentVersion = notYetUpdated.has(hostName) ? "0.0.9" : "0.1.0";
  const facts = { hostName, platform, osVersion, arch, agentVersion, machineId: machineId(hostName) };
  return { ...facts, addresses: [address], tenant, labels };
}
