/**
 * What the management API answers, as far as these commands show it. Written by hand from the OpenAPI document: the CLI
 * may talk to a cluster of another version, and must not import the cluster's parts to do so. Times are RFC 3339.
 */
export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly changedAt: string;
}

/** A role and where it is held; `tenantId` null is the whole cluster. */
export interface RoleBinding {
  readonly role: string;
  readonly tenantId: string | null;
}

export interface User {
  readonly id: string;
  readonly name: string;
  readonly disabled: boolean;
  /** A cluster of an older version does not say. */
  readonly loginBy?: string;
  readonly roles: readonly (RoleBinding & { readonly id: string })[];
  readonly createdAt: string;
  readonly changedAt: string;
}

export interface Session {
  readonly id: string;
  readonly address: string | null;
  readonly createdAt: string;
  readonly seenAt: string;
  readonly endsAt: string;
  /** Whether the request that asked came by it. */
  readonly current: boolean;
}

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly RoleBinding[];
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly usedAt: string | null;
}

export interface NewApiKey extends ApiKey {
  /** Shown this once. */
  readonly key: string;
}

export interface Profile {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly isDefault: boolean;
  readonly serviceProtection: {
    readonly on: boolean;
    readonly services: readonly string[];
    readonly liftSeconds: number;
    readonly singleUse: boolean;
    readonly requireChallenge: boolean;
  };
  readonly checkIn: { readonly holdMs: number | null; readonly afterMs: number | null };
  readonly desiredVersion: string | null;
  readonly cleanUpAfterDays: number | null;
  /** A cluster of an older version does not say. */
  readonly packageHere?: boolean | null;
  readonly createdAt: string;
  readonly changedAt: string;
}

/** A file with which agents are installed and updated. */
export interface AgentPackage {
  readonly id: string;
  readonly version: string;
  readonly platform: string;
  readonly arch: string;
  readonly sha256: string;
  readonly size: number;
  readonly addedAt: string;
  readonly addedBy: { readonly id: string | null; readonly name: string };
}

/** The addresses at which agents are told to find the cluster. */
export interface ClusterUrls {
  readonly urls: readonly string[];
  readonly urlsBefore: readonly string[];
  readonly changedAt: string | null;
  readonly changedBy: string | null;
}

export interface ProfileVersion {
  readonly version: number;
  readonly changes: Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;
  readonly madeAt: string;
  readonly madeBy: { readonly id: string | null; readonly name: string };
  readonly rollbackOf: number | null;
}

export interface ProfilePreview {
  readonly agents: number;
  readonly gains: number;
  readonly loses: number;
}

/** Which agents an intent is for; each member that is there must fit. */
export interface IntentFilter {
  readonly platforms?: readonly string[];
  readonly hostName?: string;
  readonly labels?: readonly string[];
  readonly addresses?: readonly string[];
}

export interface Intent {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly position: number;
  readonly profileId: string;
  readonly filter: IntentFilter;
}

export interface IntentPreview {
  readonly moved: number;
  readonly gains: number;
  readonly loses: number;
  readonly held: number;
  readonly agents: readonly {
    readonly id: string;
    readonly hostName: string;
    readonly fromProfileId: string;
    readonly toProfileId: string;
    readonly effect: string;
  }[];
}

export interface Agent {
  readonly id: string;
  readonly tenantId: string;
  readonly hostName: string;
  readonly platform: string;
  readonly osVersion: string;
  readonly agentVersion: string;
  readonly state: string;
  readonly protection: string | null;
  readonly protectionGap: string | null;
  readonly profileId: string;
  readonly labels: readonly string[];
  readonly enrolledAt: string;
  readonly seenAt: string;
}

export interface AgentDetail extends Agent {
  readonly tenant: { readonly id: string; readonly name: string };
  readonly profile: { readonly id: string; readonly name: string };
  readonly facts: { readonly arch: string; readonly machineId: string; readonly addresses: readonly string[] };
  readonly protectionReport: {
    readonly state: string;
    readonly since: string;
    readonly budgetLeftSeconds: number | null;
    readonly tokenId: string | null;
    readonly layers: Readonly<Record<string, string>>;
    /** A cluster of an older version does not say it. */
    readonly otherServices?: readonly { readonly name: string; readonly state: string }[];
  } | null;
  readonly config: {
    readonly desiredRev: number;
    readonly appliedRev: number;
    readonly refused: { readonly rev: number; readonly code: string } | null;
  };
  readonly wouldDrop: { readonly profileId: string; readonly since: string } | null;
  readonly trustBundle: { readonly current: number; readonly acknowledged: number };
  readonly identityThumbprint: string;
  readonly dueAt: string;
  /** A cluster of an older version does not say these. */
  readonly standing?: { readonly is: string; readonly replacedBy: string | null };
  readonly decommission?: {
    readonly requestedAt: string;
    readonly by: string;
    readonly appliedAt: string | null;
  } | null;
  readonly lookAlikes?: readonly { readonly id: string; readonly hostName: string }[];
}

/** What stays of a deleted agent. */
export interface Tombstone {
  readonly id: string;
  readonly tenant: { readonly id: string; readonly name: string };
  readonly hostName: string;
  readonly platform: string;
  readonly protection: string | null;
  readonly deletedAt: string;
  readonly deletedBy: string;
}

export interface CleanUpPreview {
  readonly matched: number;
  readonly waitsUntil: string | null;
  readonly agents: readonly {
    readonly id: string;
    readonly hostName: string;
    readonly protection: string | null;
    readonly seenAt: string;
    readonly afterDays: number;
  }[];
}

export interface ActivationKey {
  readonly id: string;
  readonly tenantId: string;
  readonly description: string;
  readonly state: string;
  readonly uses: number;
  readonly maxUses: number;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string;
  readonly revokedAt: string | null;
}

export interface NewActivationKey extends ActivationKey {
  /** Shown this once. */
  readonly key: string;
}

export interface AgentToken {
  readonly id: string;
  readonly kind: string;
  readonly tenant: { readonly id: string; readonly name: string } | null;
  readonly agent: { readonly id: string; readonly hostName: string } | null;
  readonly state: string;
  readonly issuedAt: string;
  readonly expiresAt: string;
  readonly issuedBy: { readonly id: string; readonly name: string };
  readonly reason: string;
  readonly ticket: string | null;
  readonly liftSeconds: number;
  readonly answersChallenge: boolean;
  readonly revokedAt: string | null;
  readonly revokedBy: string | null;
}

export interface AgentTokenSummary extends AgentToken {
  readonly redemptionCount: number;
}

export interface AgentTokenDetail extends AgentToken {
  /** Null when it is not live, or when the operator's role may not see it. */
  readonly token: string | null;
  readonly redemptionCount: number;
  readonly redemptions: readonly {
    readonly agent: { readonly id: string; readonly hostName: string };
    readonly trustedAt: string;
    readonly receivedAt: string;
    readonly lift: string;
  }[];
}

export interface GeneratedToken {
  readonly id: string;
  readonly kind: string;
  readonly token: string;
  readonly issuedAt: string;
  readonly expiresAt: string;
  readonly coverage: Coverage;
}

export interface Coverage {
  readonly agents: number;
  readonly reached: number;
  readonly notReached: readonly { readonly reason: string; readonly count: number }[];
}

export interface TokenPreview {
  readonly kid: string;
  readonly coverage: Coverage;
}

export interface JournalEvent {
  readonly id: string;
  readonly agent: { readonly id: string; readonly hostName: string };
  readonly kind: string;
  readonly data: Readonly<Record<string, string | number | boolean>>;
  readonly at: string;
  readonly trustedAt: string;
  readonly receivedAt: string;
  readonly seq: number;
  readonly forked: boolean;
  readonly linked: boolean;
  readonly redemption: string | null;
}

export interface SigningKey {
  readonly kid: string;
  readonly use: string;
  readonly state: string;
  readonly createdAt: string;
  readonly stateChangedAt: string;
  readonly destroyedAt?: string | null;
}

export interface KeyAgents {
  readonly count: number;
  readonly agents: readonly {
    readonly id: string;
    readonly hostName: string;
    readonly tenant: { readonly id: string; readonly name: string };
  }[];
}

export interface KeyReach {
  readonly agents: number;
  readonly holding: number;
  readonly notHolding: KeyAgents;
  readonly stranded: KeyAgents;
}

export interface KeyChange {
  readonly made: SigningKey | null;
  readonly trustBundleVersion: number;
}

export interface AuditEntry {
  readonly id: string;
  readonly tenantId: string | null;
  readonly seq: number;
  readonly at: string;
  readonly action: string;
  readonly outcome: string;
  readonly who: { readonly kind: string; readonly id: string | null; readonly name: string };
  readonly from: { readonly address: string | null; readonly requestId: string | null };
  readonly target: { readonly kind: string; readonly id: string | null; readonly name?: string } | null;
  readonly why: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface AuditVerification {
  readonly intact: boolean;
  readonly checkpoints: {
    readonly newest: number;
    readonly fault: { readonly n: number; readonly code: string; readonly detail: string } | null;
  };
  readonly chains: readonly {
    readonly tenantId: string | null;
    readonly firstSeq: number;
    readonly entries: number;
    readonly head: string;
    readonly signedSeq: number;
    readonly fault: { readonly seq: number; readonly code: string; readonly detail: string } | null;
  }[];
}

export interface AuditRetention {
  readonly days: number | null;
  readonly before: string | null;
  readonly chains: readonly {
    readonly tenantId: string | null;
    readonly entries: number;
    readonly throughSeq: number;
  }[];
}

export interface Roots {
  readonly clusterId: string;
  readonly rootsVersion: number;
  readonly changesLeft: number;
  readonly roots: readonly {
    readonly kid: string;
    readonly state: string;
    readonly isFirst: boolean;
    readonly isHere: boolean;
  }[];
  readonly agents: { readonly count: number; readonly behind: number };
  readonly usableActivationKeys: number;
}

export interface PreparedRoot {
  readonly clusterId: string;
  readonly rootsVersion: number;
  readonly kid: string;
}

export interface RootsChanged {
  readonly rootsVersion: number;
  readonly trustBundleVersion: number;
  readonly roots: readonly string[];
}

export interface Alarm {
  readonly id: string;
  readonly kind: string;
  readonly severity: string;
  readonly state: string;
  readonly tenant: { readonly id: string; readonly name: string } | null;
  readonly agent: { readonly id: string; readonly hostName: string } | null;
  readonly title: string;
  readonly advice: string;
  readonly data: Readonly<Record<string, string | number | boolean | null>>;
  readonly count: number;
  readonly raisedAt: string;
  readonly lastAt: string;
  readonly acknowledged: {
    readonly at: string;
    readonly by: { readonly id: string; readonly name: string };
    readonly comment: string;
  } | null;
  readonly resolvedAt: string | null;
}
