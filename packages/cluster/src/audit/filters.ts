import type { SelectQueryBuilder } from "kysely";
import { Type } from "typebox";
import { withinReach } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import { oneOf, type Static, Time, Uuid } from "../http/schema.ts";
import type { Database } from "../schema.ts";
import { auditOutcomes, clusterChain } from "./entry.ts";

const Word = Type.String({ minLength: 1, maxLength: 100 });

/** By who, what, when, on which object, in which tenant. All that are given must fit. */
export const auditFilters = {
  tenantId: Type.Optional(Uuid),
  /** The cluster's own chain only; with `tenantId` nothing fits. */
  clusterOnly: Type.Optional(
    Type.Boolean({ description: "Only the cluster's own entries, which belong to no tenant." }),
  ),
  action: Type.Optional(Word),
  outcome: Type.Optional(oneOf(auditOutcomes)),
  whoId: Type.Optional(Word),
  targetKind: Type.Optional(Word),
  targetId: Type.Optional(Word),
  since: Type.Optional(Time),
  until: Type.Optional(Time),
};
const Filter = Type.Object(auditFilters);
export type AuditFilter = Static<typeof Filter>;

/** The entries that the filters name, cut to what their reader may see. */
export function whereFiltered<Row>(
  query: SelectQueryBuilder<Database, "audit_entry", Row>,
  reach: Reach,
  filter: AuditFilter,
): SelectQueryBuilder<Database, "audit_entry", Row> {
  let narrowed = withinReach(query, "chain", reach);
  if (filter.tenantId !== undefined) narrowed = narrowed.where("chain", "=", filter.tenantId);
  if (filter.clusterOnly === true) narrowed = narrowed.where("chain", "=", clusterChain);
  if (filter.action !== undefined) narrowed = narrowed.where("action", "=", filter.action);
  if (filter.outcome !== undefined) narrowed = narrowed.where("outcome", "=", filter.outcome);
  if (filter.whoId !== undefined) narrowed = narrowed.where("who_id", "=", filter.whoId);
  if (filter.targetKind !== undefined) narrowed = narrowed.where("target_kind", "=", filter.targetKind);
  if (filter.targetId !== undefined) narrowed = narrowed.where("target_id", "=", filter.targetId);
  if (filter.since !== undefined) narrowed = narrowed.where("at", ">=", Date.parse(filter.since));
  if (filter.until !== undefined) narrowed = narrowed.where("at", "<", Date.parse(filter.until));
  return narrowed;
}
