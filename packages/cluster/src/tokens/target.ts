import type { Platform } from "@postern/protocol";
import { defaultLiftSeconds, parseChallenge, type TokenKind, type TokenTarget } from "@postern/token";
import type { RequestAccess } from "../http/access.ts";
import { Problem } from "../http/problems.ts";
import type { Db } from "../schema.ts";
import { findTenant } from "../tenants/tenants.ts";
import type { AgentGroup } from "./coverage.ts";
import type { TokenSubject } from "./file-name.ts";
import { findTargetAgent } from "./target-agent.ts";

/** Whom a token is asked for, as the request has it. */
export interface AskedTarget {
  readonly kind: TokenKind;
  readonly tenantId?: string;
  readonly agentId?: string;
}

/** Whom a token is for, looked up and within reach of who asks. */
export interface FoundTarget {
  readonly target: TokenTarget;
  /** Null for the cluster. */
  readonly tenantId: string | null;
  readonly agentId: string | null;
  readonly subject: TokenSubject;
  readonly liftSeconds: number;
  /** Only of an agent. */
  readonly platform: Platform | null;
  /** Only of an agent, which is a group by itself; of more agents {@link findAgentGroups} tells. */
  readonly groups: readonly AgentGroup[] | null;
}

/**
 * Looks up whom a token is asked for. What lies outside the asker's reach is not there.
 *
 * @throws {Problem} validation_failed: members that do not go with the kind; not_found
 */
export async function findTarget(reads: Db, access: RequestAccess, asked: AskedTarget): Promise<FoundTarget> {
  refuseStrayMembers(asked);
  const { tenantId, agentId } = asked;
  if (agentId !== undefined) return findAgentTarget(reads, access, agentId, tenantId);
  if (tenantId !== undefined) return findTenantTarget(reads, access, tenantId);
  access.reach();
  return {
    target: { kind: "cluster" },
    tenantId: null,
    agentId: null,
    subject: { kind: "cluster" },
    liftSeconds: defaultLiftSeconds,
    platform: null,
    groups: null,
  };
}

/**
 * The challenge that a person typed, in the form in which it is signed.
 *
 * @throws {Problem} challenge_agent_only, challenge_mistyped
 */
export function readChallenge(kind: TokenKind, typed: string | undefined): string | undefined {
  if (typed === undefined) return undefined;
  if (kind !== "agent") throw new Problem("challenge_agent_only");
  const challenge = parseChallenge(typed);
  if (challenge === undefined) throw new Problem("challenge_mistyped");
  return challenge;
}

const platformNames: Readonly<Record<Platform, string>> = {
  windows: "Windows",
  linux: "Linux",
  macos: "macOS",
  aix: "AIX",
  solaris: "Solaris",
};

/** @throws {Problem} token_platform_unsupported */
export function refuseOtherPlatforms({ subject, platform }: FoundTarget): void {
  if (subject.kind !== "agent" || platform === "windows" || platform === null) return;
  throw new Problem(
    "token_platform_unsupported",
    `${subject.hostName} runs ${platformNames[platform]}; agent tokens exist for Windows agents only.`,
  );
}

async function findAgentTarget(
  reads: Db,
  access: RequestAccess,
  agentId: string,
  tenantId: string | undefined,
): Promise<FoundTarget> {
  const found = await findTargetAgent(reads, agentId);
  if (found === undefined) throw new Problem("not_found", "There is no such agent, nor was there one.");
  access.requireTenant(found.tenantId);
  if (tenantId !== undefined && tenantId !== found.tenantId) {
    throw new Problem("not_found", "There is no such agent in this tenant.");
  }
  const { hostName, platform, liftSeconds, group } = found;
  return {
    target: { kind: "agent", agentId },
    tenantId: found.tenantId,
    agentId,
    subject: { kind: "agent", hostName },
    liftSeconds,
    platform,
    groups: [group],
  };
}

async function findTenantTarget(reads: Db, access: RequestAccess, tenantId: string): Promise<FoundTarget> {
  access.requireTenant(tenantId);
  const tenant = await findTenant(reads, tenantId);
  if (tenant === undefined) throw new Problem("not_found", "There is no such tenant.");
  return {
    target: { kind: "tenant", tenantId },
    tenantId,
    agentId: null,
    subject: { kind: "tenant", tenantName: tenant.name },
    liftSeconds: defaultLiftSeconds,
    platform: null,
    groups: null,
  };
}

function refuseStrayMembers({ kind, tenantId, agentId }: AskedTarget): void {
  const errors = [];
  if (kind === "agent" && agentId === undefined) {
    errors.push({ pointer: "/agentId", code: "required", detail: "A token for an agent needs its id." });
  }
  if (kind === "tenant" && tenantId === undefined) {
    errors.push({ pointer: "/tenantId", code: "required", detail: "A token for a tenant needs its id." });
  }
  if (kind !== "agent" && agentId !== undefined) {
    errors.push({ pointer: "/agentId", code: "unexpected", detail: "Only a token for an agent names one." });
  }
  if (kind === "cluster" && tenantId !== undefined) {
    errors.push({ pointer: "/tenantId", code: "unexpected", detail: "A token for the cluster names no tenant." });
  }
  if (errors.length > 0) throw new Problem("validation_failed", undefined, { errors });
}
