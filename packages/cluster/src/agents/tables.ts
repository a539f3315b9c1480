import type { Platform, ProtectionState } from "@postern/protocol";
import type { Migration } from "../db/migration.ts";
import type { ListedTables } from "./listed.ts";

export interface AgentTables extends ListedTables {
  activation_key: ActivationKeyTable;
  agent: AgentTable;
  agent_label: AgentLabelTable;
  enrolment: EnrolmentTable;
  presence: PresenceTable;
  tombstone: TombstoneTable;
}

export interface ActivationKeyTable {
  id: string;
  tenant_id: string;
  description: string;
  /** SHA-256 of the secret: its 256 random bits need no slower hash. */
  secret_hash: string;
  created_at: number;
  created_by: string;
  expires_at: number;
  max_uses: number;
  uses: number;
  revoked_at: number | null;
}

export interface AgentTable {
  id: string;
  /** Never changes: moving means enrolling anew. */
  tenant_id: string;
  /** As it was at enrolment; facts that say otherwise later do not change it. */
  platform: Platform;
  host_name: string;
  /** The host name in the form for searching, as far as lists sort by it. */
  host_name_search: string;
  /** The agent's version, as it stands in its facts. */
  agent_version: string;
  /** The version in the form for sorting. */
  version_order: string;
  /** What a search looks through, in the form for searching: host name and addresses, one to a line. */
  search_text: string;
  /** Its labels once more, for the list: each between two line ends. */
  label_text: string;
  /** JSON of the facts reported last. */
  facts: string;
  /** `x` of the public identity key. */
  identity_key: string;
  identity_thumbprint: string;
  /** The key with which its machine has enrolled anew: it takes the other's place once it has signed a check-in. */
  next_identity_key: string | null;
  next_identity_thumbprint: string | null;
  enrolled_at: number;
  profile_id: string;
  /** Since when `profile_id` is its profile; a source of the revision. */
  assigned_at: number;
  /** See `desiredRevision`. */
  revision_lead: number;
  /** Null until it has reported. */
  protection_state: ProtectionState | null;
  /** JSON of the protection reported last. */
  protection: string | null;
  applied_rev: number;
  refused_rev: number | null;
  refused_code: string | null;
  /** Version of the trust bundle that it has acknowledged; 0: none yet. */
  bundle_ver: number;
  /** The unprotecting profile that its facts alone would give it; a user has to confirm that. Null: none. */
  would_drop_profile_id: string | null;
  would_drop_since: number | null;
  /** Of its labels; rises with every change. */
  labels_changed_at: number;
  /** Its protection is kept on as long as no change of profile or assignment is newer than this. Null: it is not. */
  kept_on_at: number | null;
  /** What its workload calls itself, as reported last; '' until it has reported since this column is there. */
  machine_id: string;
  /** What is to be said of it beyond whether it is heard of. */
  standing: Standing;
  /** Since when; null: `normal`. */
  standing_since: number | null;
  /** The name of who said so; null: the cluster by itself. */
  standing_by: string | null;
  /** The agent that took its place, which may be deleted meanwhile; null unless `replaced`, and then when nobody said. */
  replaced_by: string | null;
  /** A user has asked for its end: it is to switch its protection off, whatever its profile says. */
  decommission_at: number | null;
  decommission_by: string | null;
}

/**
 * `restored`: its row was lost, and rebuilt from what the agent has signed by the cluster. `replaced`: a user said that
 * another agent took its place. `decommissioned`: it has switched its protection off for good, and is heard no more.
 */
export const standings = ["normal", "restored", "replaced", "decommissioned"] as const;
export type Standing = (typeof standings)[number];

/** How every agent begins. */
export const newAgentStanding = {
  standing: "normal",
  standing_since: null,
  standing_by: null,
  replaced_by: null,
  decommission_at: null,
  decommission_by: null,
} as const satisfies Partial<AgentTable>;

/**
 * What stays of a deleted agent. It was not told, and may run on with its protection on: a token must still be possible,
 * and it must neither come back nor be taken for a stranger.
 */
export interface TombstoneTable {
  /** The agent's. */
  id: string;
  tenant_id: string;
  platform: Platform;
  host_name: string;
  host_name_search: string;
  identity_key: string;
  identity_thumbprint: string;
  enrolled_at: number;
  seen_at: number;
  protection_state: ProtectionState | null;
  /** The trust bundle that it had acknowledged; 0: none. */
  bundle_ver: number;
  /** What its profile said of tokens. */
  lift_seconds: number;
  require_challenge: 0 | 1;
  /** Whether it had been decommissioned before. */
  decommissioned: 0 | 1;
  deleted_at: number;
  deleted_by: string;
}

/** A word that people have given an agent. Workloads have no say in it. */
export interface AgentLabelTable {
  agent_id: string;
  tenant_id: string;
  label: string;
}

/** Which agent a request to enrol made, so that its repetition gives the same answer. */
export interface EnrolmentTable {
  activation_key_id: string;
  request_id: string;
  agent_id: string;
}

/** What changes with every check-in, apart from everything else and without an index beyond its key. */
export interface PresenceTable {
  agent_id: string;
  /** Start of the agent's process and number of the check-in within it; the pair only rises. */
  boot: number;
  n: number;
  seen_at: number;
  /** When it has to be heard of again. */
  due_at: number;
}

export const agentMigration: Migration = {
  name: "agents-1",
  statements: [
    `create table activation_key (
      id text primary key, tenant_id text not null references tenant (id), description text not null,
      secret_hash text not null, created_at int8 not null, created_by text not null, expires_at int8 not null,
      max_uses int8 not null, uses int8 not null, revoked_at int8
    )`,
    "create index activation_key_tenant on activation_key (tenant_id, created_at, id)",
    `create table agent (
      id text primary key, tenant_id text not null references tenant (id), platform text not null,
      host_name text not null, host_name_search text not null, facts text not null,
      identity_key text not null, identity_thumbprint text not null unique, enrolled_at int8 not null,
      profile_id text not null references profile (id), assigned_at int8 not null, revision_lead int8 not null,
      protection_state text, protection text, applied_rev int8 not null, refused_rev int8, refused_code text,
      bundle_ver int8 not null
    )`,
    "create index agent_host_name on agent (tenant_id, host_name_search, id)",
    "create index agent_enrolled on agent (tenant_id, enrolled_at, id)",
    "create index agent_profile on agent (profile_id)",
    `create table enrolment (
      activation_key_id text not null references activation_key (id), request_id text not null,
      agent_id text not null references agent (id), primary key (activation_key_id, request_id)
    )`,
    `create table presence (
      agent_id text primary key references agent (id), boot int8 not null, n int8 not null,
      seen_at int8 not null, due_at int8 not null
    )`,
  ],
};

export const labelMigration: Migration = {
  name: "agents-2",
  statements: [
    "alter table agent add column labels_changed_at int8 not null default 0",
    `create table agent_label (
      agent_id text not null references agent (id), tenant_id text not null references tenant (id), label text not null,
      primary key (agent_id, label)
    )`,
    "create index agent_label_tenant on agent_label (tenant_id, label, agent_id)",
  ],
};

export const assignmentMigration: Migration = {
  name: "agents-3",
  statements: [
    "alter table agent add column would_drop_profile_id text references profile (id)",
    "alter table agent add column would_drop_since int8",
    "drop index agent_profile",
    "create index agent_profile on agent (profile_id, assigned_at)",
    "create index agent_would_drop on agent (would_drop_profile_id) where would_drop_profile_id is not null",
  ],
};

export const lifecycleMigration: Migration = {
  name: "agents-4",
  statements: [
    "alter table agent add column machine_id text not null default ''",
    "alter table agent add column standing text not null default 'normal'",
    "alter table agent add column standing_since int8",
    "alter table agent add column standing_by text",
    "alter table agent add column replaced_by text",
    "alter table agent add column decommission_at int8",
    "alter table agent add column decommission_by text",
    "create index agent_machine on agent (tenant_id, machine_id)",
    `create table tombstone (
      id text primary key, tenant_id text not null references tenant (id), platform text not null,
      host_name text not null, host_name_search text not null,
      identity_key text not null, identity_thumbprint text not null unique,
      enrolled_at int8 not null, seen_at int8 not null, protection_state text, bundle_ver int8 not null,
      lift_seconds int8 not null, require_challenge flag not null, decommissioned flag not null,
      deleted_at int8 not null, deleted_by text not null
    )`,
    "create index tombstone_deleted on tombstone (tenant_id, deleted_at, id)",
    "create index tombstone_host_name on tombstone (tenant_id, host_name_search, id)",
  ],
};

export const continuationMigration: Migration = {
  name: "agents-7",
  statements: [
    "alter table agent add column next_identity_key text",
    "alter table agent add column next_identity_thumbprint text",
    `create unique index agent_next_identity on agent (next_identity_thumbprint)
      where next_identity_thumbprint is not null`,
  ],
};

export const keptProtectionMigration: Migration = {
  name: "restore-2",
  statements: ["alter table agent add column kept_on_at int8"],
};
