import type { Kysely, Transaction } from "kysely";
import type { RenderDdl } from "./migration.ts";

/** A database that is read or written as a whole: without time limits, and past the group commit of a node. */
export interface WholeDatabase {
  readonly engine: "sqlite" | "postgres";
  readonly db: Kysely<unknown>;
  readonly render: RenderDdl;
  /** Until `checkReferences`, rows may come before those that they refer to. */
  deferReferences(tx: Transaction<unknown>): Promise<void>;
  /** @throws when a row refers to one that is not there */
  checkReferences(tx: Transaction<unknown>): Promise<void>;
  close(): Promise<void>;
}
