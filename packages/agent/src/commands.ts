import type { ProtectionReport, ServiceProtection } from "@postern/protocol";
import type { AgentTokenClaims } from "@postern/token";

/** What the command line asks of the service: one line of JSON each way. Both come from one build, so there is one version. */
export const commandVersion = 1;

export type Command =
  | { readonly command: "status" }
  | { readonly command: "protect" }
  | { readonly command: "challenge" }
  /** The installer asks whether it may replace (with the package at this path), repair or remove the agent. */
  | { readonly command: "installer_asks"; readonly package?: string }
  /** The installer has replaced the agent. */
  | { readonly command: "installer_done" }
  | { readonly command: "unprotect"; readonly token: string }
  | { readonly command: "explain"; readonly token: string }
  | {
      readonly command: "enroll";
      readonly cluster: string;
      readonly key: string;
      readonly ca?: string;
      readonly proxy?: string;
    };

export type CommandAnswer =
  | { readonly v: 1; readonly ok: true; readonly result: CommandResult }
  | { readonly v: 1; readonly ok: false; readonly code: string; readonly detail: RefusalDetail };

export type CommandResult =
  | { readonly unprotected: "redeemed" | "resumed" | "running"; readonly leftSeconds: number }
  | { readonly protected: "on" | "already_on" }
  | { readonly challenge: string; readonly validSeconds: number }
  | { readonly explained: TokenView; readonly detail: RefusalDetail }
  | { readonly enrolled: { readonly agentId: string; readonly tenantId: string } }
  | { readonly installer: "go_on" | "noted" }
  | { readonly status: StatusView };

/** What a person needs to understand a refusal. Never token bytes. */
export interface RefusalDetail {
  /** Both times, unix ms. */
  readonly trustedMs?: number;
  readonly systemMs?: number;
  /** Only of a token that the cluster signed for this agent. */
  readonly token?: TokenView;
  /** Why there is nothing to lift. */
  readonly unprotectedBecause?: "unsupported" | "off" | "not_enrolled";
  /** The system's word for what failed. */
  readonly systemCode?: string;
}

export type TokenView = Pick<AgentTokenClaims, "aud" | "jti" | "iat" | "nbf" | "exp" | "lift"> & {
  readonly challenge: boolean;
  /** What this agent would answer if the token were redeemed now; absent when it would accept it. */
  readonly refusal?: string;
};

/** What stands between this agent and the version that its config wants. */
export interface UpdateView {
  readonly version: string;
  readonly state: "waiting" | "fetching" | "installing" | "failed" | "lower" | "not_offered" | "unsupported";
  /** What went wrong at the last try. */
  readonly code?: string;
}

/** Times are RFC 3339. */
export interface StatusView {
  readonly agentVersion: string;
  readonly platform: string;
  readonly enrolled: boolean;
  readonly agentId?: string;
  readonly tenantId?: string;
  readonly clusterId?: string;
  readonly clusterUrl?: string;
  readonly protection: ProtectionReport;
  /** Why protection is what it is: what the profile says, a token, or that there is no profile to say anything. */
  readonly because?: "profile" | "token" | "not_enrolled";
  readonly trustedTime?: string;
  readonly systemTime: string;
  readonly clockTrusted?: boolean;
  readonly config?: {
    readonly rev: number;
    readonly serviceProtection: ServiceProtection;
    readonly refused?: { readonly rev: number; readonly code: string };
  };
  readonly link?: { readonly reachedSecondsAgo?: number; readonly trouble?: string };
  readonly journalWaiting?: number;
  /** The cluster that the installer named and that was not joined yet, and what the last try came to. */
  readonly pendingEnrolment?: { readonly cluster: string; readonly trouble?: string };
  readonly update?: UpdateView;
  /** Something that a person has to put right. */
  readonly problem?: "anchor_unreadable" | "data_unusable";
}

/** The command in a line from the channel, or undefined. Members we do not know are not for us. */
export function parseCommand(line: string): Command | undefined {
  let request: Record<string, unknown>;
  try {
    request = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (typeof request !== "object" || request === null || request["v"] !== commandVersion) return undefined;
  const { command, token, cluster, key, ca, proxy, package: named } = request;
  const optional = (value: unknown) => value === undefined || typeof value === "string";
  switch (command) {
    case "status":
    case "protect":
    case "challenge":
    case "installer_done":
      return { command };
    case "installer_asks":
      if (!optional(named)) return undefined;
      return { command, ...(typeof named === "string" ? { package: named } : {}) };
    case "unprotect":
    case "explain":
      return typeof token === "string" ? { command, token } : undefined;
    case "enroll":
      if (typeof cluster !== "string" || typeof key !== "string" || !optional(ca) || !optional(proxy)) return undefined;
      return {
        command,
        cluster,
        key,
        ...(typeof ca === "string" ? { ca } : {}),
        ...(typeof proxy === "string" ? { proxy } : {}),
      };
    default:
      return undefined;
  }
}

export function formatCommand(command: Command): string {
  return JSON.stringify({ v: commandVersion, ...command });
}

export function viewOf(claims: AgentTokenClaims, refusal?: string): TokenView {
  const { aud, jti, iat, nbf, exp, lift, chg } = claims;
  return { aud, jti, iat, nbf, exp, lift, challenge: chg !== undefined, ...(refusal ? { refusal } : {}) };
}

export function refuse(code: string, detail: RefusalDetail = {}): CommandAnswer {
  return { v: 1, ok: false, code, detail };
}
