import {
  type Expression,
  type Kysely,
  type KyselyPlugin,
  type OperationNode,
  RawNode,
  type SelectQueryBuilder,
  type StringReference,
} from "kysely";
import { findUnnamedTenant, type TenantColumns } from "./named-tenants.ts";

export type { TenantColumns } from "./named-tenants.ts";

/** A query on a tenant's table does not name the tenant. It was not sent to the database. */
export class TenantNotNamed extends Error {
  override readonly name = "TenantNotNamed";
}

/** The comments that {@link acrossTenants} has written: a query within another passes the plugins twice, and is copied by some. */
const notes = new Set<string>();

/**
 * Refuses each query that touches a tenant's table without naming the tenant, by a condition on the column that names
 * it, by an equality with such a column that is named, or in the inserted values. So a forgotten condition is a failed
 * request and not another tenant's data.
 *
 * @throws {TenantNotNamed} from the query's execution
 */
export function tenantGuard(columns: TenantColumns): KyselyPlugin {
  const isAcross = (node: OperationNode) =>
    RawNode.is(node) && node.sqlFragments.length === 1 && notes.has(node.sqlFragments[0] ?? "");
  const guard: KyselyPlugin = {
    transformQuery({ node }) {
      const fault = findUnnamedTenant(node, columns, isAcross);
      if (fault !== null) throw new TenantNotNamed(`${fault} ${advice}`);
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  guards.add(guard);
  return guard;
}

const guards = new WeakSet<KyselyPlugin>();

/** The guard that looks at every query of `db`, if there is one. */
export function guardOf<DB>(db: Kysely<DB>): KyselyPlugin | undefined {
  return db.getExecutor().plugins.find((plugin) => guards.has(plugin));
}

const advice =
  "Name the tenant for every tenant's table in the query: by a condition on that column, by withinReach() in a list, " +
  'by an equality in a join. If it rightly goes across tenants, say so with acrossTenants(query, "why").';

/**
 * Says that a query rightly goes across tenants, and why. It holds for the tables of this query itself, not for queries
 * within it. The reason stands as a comment in the statement, where the database's own log shows it.
 *
 * Every use is listed in a test, and reviewed there.
 */
export function acrossTenants<Query extends { modifyEnd(modifier: Expression<unknown>): unknown }>(
  query: Query,
  why: string,
): Query {
  if (why.includes("*/")) throw new Error("A reason cannot end a comment.");
  const note = `/* across tenants: ${why} */`;
  notes.add(note);
  const node = RawNode.createWithSql(note);
  return query.modifyEnd({ expressionType: undefined, toOperationNode: () => node } as Expression<unknown>) as Query;
}

/** Cuts a query to the tenants in which somebody may do what it is for. */
export function withinReach<DB, TB extends keyof DB, Row>(
  query: SelectQueryBuilder<DB, TB, Row>,
  column: StringReference<DB, TB>,
  reach: "everywhere" | ReadonlySet<string>,
): SelectQueryBuilder<DB, TB, Row> {
  if (reach === "everywhere") return acrossTenants(query, "the reach of who asks is every tenant");
  return query.where(({ eb, ref }) => eb(ref(column), "in", [...reach] as never[]));
}
