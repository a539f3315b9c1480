import type { Kysely, Transaction } from "kysely";
import { type AddressTables, addressMigration } from "./addresses/tables.ts";
import { type CleanUpTables, cleanUpMigration } from "./agents/clean-up-tables.ts";
import { type FollowUpTables, followUpMigration } from "./agents/follow-up-tables.ts";
import { narrowMigration } from "./agents/listed.ts";
import { inTurnMigration, listedMigration, searchMigration } from "./agents/search-columns.ts";
import {
  type AgentTables,
  agentMigration,
  assignmentMigration,
  continuationMigration,
  keptProtectionMigration,
  labelMigration,
  lifecycleMigration,
} from "./agents/tables.ts";
import { type AuditTables, auditMigration, checkpointMigration } from "./audit/tables.ts";
import type { ChangeTables } from "./change-feed.ts";
import type { Migration } from "./db/migration.ts";
import type { Durable as DurableOf, Store as StoreOf } from "./db/store.ts";
import { alarmMigration } from "./events/alarm-tables.ts";
import { orphanJournalMigration } from "./events/orphan-journal.ts";
import { type EventTables, eventMigration } from "./events/tables.ts";
import { type IdentityTables, identityMigration, loginMigration } from "./identity/tables.ts";
import { auditKeyMigration, type KeyTables, keyCopyMigration, keysMigration } from "./keys/tables.ts";
import { type PackageTables, packageMigration } from "./packages/tables.ts";
import {
  editMigration,
  intentMigration,
  type ProfileTables,
  profileMigration,
  versionMigration,
} from "./profiles/tables.ts";
import { type RestoreGapTables, restoreGapMigration } from "./restore-gaps.ts";
import { changeMigration, newsMigration } from "./shared-changes.ts";
import { type TenantTables, tenantsMigration } from "./tenants/tables.ts";
import { orphanTokenMigration } from "./tokens/orphan-tokens.ts";
import { offlineTokenMigration, type TokenTables, tokenMigration } from "./tokens/tables.ts";

/** Every table, each written by one feature only, the one that declares its type. */
export interface Database
  extends AuditTables,
    KeyTables,
    TenantTables,
    IdentityTables,
    AddressTables,
    PackageTables,
    ProfileTables,
    AgentTables,
    CleanUpTables,
    FollowUpTables,
    TokenTables,
    EventTables,
    ChangeTables,
    RestoreGapTables {}

/** For queries: the store's `reads`, or a transaction. */
export type Db = Kysely<Database>;
/** For changes: the transaction that `durable` hands out. */
export type Tx = Transaction<Database>;
export type Store = StoreOf<Database>;
export type Durable = DurableOf<Database>;

/**
 * The schema's history, oldest first, across all features. New migrations go at the end, whichever feature they
 * belong to: a database that has everything up to here must be able to go on from here.
 */
export const migrations: readonly Migration[] = [
  auditMigration,
  keysMigration,
  tenantsMigration,
  identityMigration,
  profileMigration,
  agentMigration,
  tokenMigration,
  eventMigration,
  changeMigration,
  loginMigration,
  checkpointMigration,
  auditKeyMigration,
  labelMigration,
  keyCopyMigration,
  intentMigration,
  assignmentMigration,
  versionMigration,
  restoreGapMigration,
  offlineTokenMigration,
  searchMigration,
  newsMigration,
  alarmMigration,
  lifecycleMigration,
  orphanTokenMigration,
  orphanJournalMigration,
  listedMigration,
  continuationMigration,
  keptProtectionMigration,
  inTurnMigration,
  cleanUpMigration,
  followUpMigration,
  editMigration,
  packageMigration,
  addressMigration,
  narrowMigration,
];
