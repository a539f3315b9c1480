import type { Database } from "../schema.ts";

/** How a table is read whole, and whether its rows are worth keeping. */
export interface TableRule<Row> {
  /** Its primary key. */
  readonly key: readonly (keyof Row & string)[];
  /**
   * Left out of backups: what belongs to the moment, or must not come back (nobody is to be logged in by a session that
   * was ended since). A copy to another database has it all the same.
   */
  readonly inBackups: boolean;
  /** Rows read and written at one time, where they are large; else as many as a statement may have. */
  readonly atOnce?: number;
}

const kept = true;
const leftOut = false;

/**
 * Every table of the schema, in the order in which they are written. A table that is not here does not compile, and
 * should not: its maker has to say whether a restored cluster is to have its rows.
 *
 * The beginnings and heads of the audit chains stand before the entries, so that whoever reads a backup can check each
 * chain in passing.
 */
export const tableRules: { readonly [Table in keyof Database]: TableRule<Database[Table]> } = {
  audit_pruned: { key: ["chain"], inBackups: kept },
  audit_chain: { key: ["chain"], inBackups: kept },
  audit_entry: { key: ["chain", "seq"], inBackups: kept },
  audit_newest_checkpoint: { key: ["id"], inBackups: kept },
  audit_checkpoint: { key: ["n"], inBackups: kept },
  audit_checkpoint_head: { key: ["chain", "seq"], inBackups: kept },
  lease: { key: ["name"], inBackups: leftOut },
  cluster: { key: ["id"], inBackups: kept },
  signing_key: { key: ["kid"], inBackups: kept },
  trust_bundle: { key: ["version"], inBackups: kept },
  key_copy: { key: ["kid"], inBackups: kept },
  tenant: { key: ["id"], inBackups: kept },
  user_account: { key: ["id"], inBackups: kept },
  role_binding: { key: ["id"], inBackups: kept },
  session: { key: ["id"], inBackups: leftOut },
  api_key: { key: ["id"], inBackups: kept },
  provider_account: { key: ["issuer", "subject"], inBackups: kept },
  login_counter: { key: ["key"], inBackups: leftOut },
  known_login: { key: ["key"], inBackups: kept },
  profile: { key: ["id"], inBackups: kept },
  profile_version: { key: ["profile_id", "version"], inBackups: kept },
  intent: { key: ["id"], inBackups: kept },
  intent_list: { key: ["tenant_id"], inBackups: kept },
  activation_key: { key: ["id"], inBackups: kept },
  agent: { key: ["id"], inBackups: kept },
  listed_agent: { key: ["tenant_id", "id"], inBackups: kept },
  agent_label: { key: ["agent_id", "label"], inBackups: kept },
  enrolment: { key: ["activation_key_id", "request_id"], inBackups: kept },
  presence: { key: ["agent_id"], inBackups: kept },
  agent_token: { key: ["id"], inBackups: kept },
  token_request: { key: ["principal_id", "idempotency_key"], inBackups: kept },
  redemption: { key: ["agent_id", "journal_id", "seq", "hash"], inBackups: kept },
  journal_entry: { key: ["id"], inBackups: kept },
  cluster_change: { key: ["number"], inBackups: leftOut },
  tombstone: { key: ["id"], inBackups: kept },
  offline_token: { key: ["id"], inBackups: kept },
  cluster_news: { key: ["number"], inBackups: leftOut },
  alarm: { key: ["id"], inBackups: kept },
  assignment_follow_up: { key: ["id"], inBackups: kept },
  agent_outage: { key: ["id"], inBackups: kept },
  clean_up_watch: { key: ["id"], inBackups: kept },
  alarm_watch: { key: ["id"], inBackups: kept },
  restore_gap: { key: ["id"], inBackups: kept },
  agent_package: { key: ["id"], inBackups: kept },
  agent_package_part: { key: ["package_id", "n"], inBackups: kept, atOnce: 16 },
  cluster_urls: { key: ["id"], inBackups: kept },
};

/** The rule of a table whose name was read somewhere; undefined: it is none of ours. */
export function ruleOf(
  table: string,
): (Omit<TableRule<never>, "key"> & { readonly key: readonly string[] }) | undefined {
  return Object.hasOwn(tableRules, table) ? tableRules[table as keyof Database] : undefined;
}
