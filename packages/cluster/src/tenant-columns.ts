import type { TenantColumns } from "./db/tenant-guard.ts";
import type { Database } from "./schema.ts";

/**
 * The tables whose rows belong to tenants, each with the column that names the tenant. A query on one of them that does
 * not name it is refused. A new table goes here or into {@link clusterTables}; a test holds both against the schema.
 */
export const tenantColumns = {
  activation_key: "tenant_id",
  agent: "tenant_id",
  agent_label: "tenant_id",
  /** Null: a token for the whole cluster. */
  agent_token: "tenant_id",
  /** Null: it concerns the cluster itself. */
  alarm: "tenant_id",
  assignment_follow_up: "tenant_id",
  /** `cluster`, or a tenant's id. */
  audit_entry: "chain",
  intent: "tenant_id",
  intent_list: "tenant_id",
  listed_agent: "tenant_id",
  journal_entry: "tenant_id",
  profile: "tenant_id",
  profile_version: "tenant_id",
  redemption: "tenant_id",
  /** Null: a role for the whole cluster. */
  role_binding: "tenant_id",
  tenant: "id",
  tombstone: "tenant_id",
} as const satisfies Partial<Record<keyof Database, string>> & TenantColumns;

/** The other tables, each with the reason why its rows need no tenant. */
export const clusterTables: Readonly<Record<Exclude<keyof Database, keyof typeof tenantColumns>, string>> = {
  agent_outage: "times of the cluster itself",
  agent_package: "the same for all tenants",
  agent_package_part: "the same for all tenants",
  alarm_watch: "when the watch over silent agents made its last round",
  api_key: "belongs to a user, who may have roles in several tenants",
  audit_chain: "numbers and hashes of chains, nothing of what is in them",
  audit_checkpoint: "signed by the cluster over all chains at once",
  audit_checkpoint_head: "numbers and hashes of chains, nothing of what is in them",
  audit_newest_checkpoint: "one row",
  audit_pruned: "numbers and hashes of chains, nothing of what is in them",
  clean_up_watch: "when the clean-up of silent agents made its last round",
  cluster: "one row",
  cluster_change: "what nodes tell each other: ids, never sent to anybody else",
  cluster_news: "what nodes tell each other: ids; each reader's stream is cut to his reach",
  cluster_urls: "one row",
  enrolment: "ids only; reached by an activation key that was proved",
  key_copy: "the cluster's keys",
  known_login: "belongs to a user",
  lease: "what one node does at a time",
  login_counter: "counts by hashes of names and addresses",
  offline_token: "ids of tokens that were made while the cluster was down, until they are entered",
  presence: "when agents were seen; reached by the agent's id, together with its row",
  provider_account: "belongs to a user",
  restore_gap: "times of the cluster itself",
  session: "belongs to a user",
  signing_key: "the cluster's keys",
  token_request: "belongs to who asked, by a key of his own",
  trust_bundle: "the cluster's keys",
  user_account: "may have roles in several tenants; shown to those who reach one of them",
};
