import { createHash } from "node:crypto";
import type { Platform } from "@postern/protocol";
import type { Workload } from "./simulated-agent.ts";

/** What machines of a kind have in common. Four of six run Windows, as where this product is used. */
const kinds: readonly {
  readonly kind: string;
  readonly platform: Platform;
  readonly osVersion: string;
  arch: string;
}[] = [
  { kind: "WS", platform: "windows", osVersion: "Windows 11 Enterprise (10.0.26100)", arch: "x64" },
  { kind: "WS", platform: "windows", osVersion: "Windows 11 Enterprise (10.0.22631)", arch: "x64" },
  { kind: "FS", platform: "windows", osVersion: "Windows Server 2022 Standard (10.0.20348)", arch: "x64" },
  { kind: "web", platform: "linux", osVersion: "Debian GNU/Linux 13 (6.12.48)", arch: "x64" },
  { kind: "SQL", platform: "windows", osVersion: "Windows Server 2025 Standard (10.0.26100)", arch: "x64" },
  { kind: "mac", platform: "macos", osVersion: "macOS 26.1 (25.1.0)", arch: "arm64" },
  { kind: "WS", platform: "windows", osVersion: "Windows 11 Enterprise (10.0.26100)", arch: "arm64" },
  { kind: "app", platform: "linux", osVersion: "Red Hat Enterprise Linux 9.7 (5.14.0)", arch: "x64" },
  { kind: "FS", platform: "windows", osVersion: "Windows Server 2019 Standard (10.0.17763)", arch: "x64" },
  { kind: "WS", platform: "windows", osVersion: "Windows 11 Pro (10.0.26100)", arch: "x64" },
  { kind: "erp", platform: "aix", osVersion: "AIX 7.3 (7300-03)", arch: "ppc64" },
  { kind: "sol", platform: "solaris", osVersion: "Oracle Solaris 11.4 (5.11)", arch: "x64" },
];
const sites = ["ber", "lyo", "mil", "osl", "vie"];

/** The machine number `index`: always the same one. */
export function workload(index: number, agentVersion = "0.1.0"): Workload {
  const { kind, platform, osVersion, arch } = kinds[index % kinds.length] ?? kinds[0] ?? unknownKind;
  const site = sites[Math.floor(index / 3) % sites.length] ?? "";
  const name = `${site}-${kind}-${String(index + 1).padStart(4, "0")}`;
  return {
    hostName: platform === "windows" ? name.toUpperCase() : name,
    platform,
    osVersion,
    arch,
    agentVersion,
    machineId: machineId(name),
    addresses: [`10.${20 + (index % 5)}.${Math.floor(index / 250) % 250}.${1 + (index % 250)}`],
  };
}

/** What an operating system would call a machine of this name. */
export function machineId(name: string): string {
  return createHash("sha256").update(`simulated ${name.toLowerCase()}`).digest("hex").slice(0, 32);
}

const unknownKind = { kind: "x", platform: "linux" as const, osVersion: "unknown", arch: "x64" };
