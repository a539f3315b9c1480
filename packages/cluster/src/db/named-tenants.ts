import {
  AliasNode,
  AndNode,
  BinaryOperationNode,
  ColumnNode,
  type DeleteQueryNode,
  IdentifierNode,
  type InsertQueryNode,
  type JoinNode,
  type OnConflictNode,
  type OperationNode,
  OperatorNode,
  OrNode,
  ParensNode,
  PrimitiveValueListNode,
  RawNode,
  ReferenceNode,
  SelectQueryNode,
  TableNode,
  type UpdateQueryNode,
  ValueListNode,
  ValueNode,
  ValuesNode,
  type WithNode,
} from "kysely";

/** The tenants' tables, each with the column that names the tenant. */
export type TenantColumns = Readonly<Record<string, string>>;

/** A tenant's table where a query reads or writes it. */
interface Source {
  readonly table: string;
  readonly column: string;
  /** The query names the tenant whose rows these are. */
  named: boolean;
}

/** What the names before a dot mean in a query: a tenant's table, or (null) something else. */
interface Scope {
  readonly sources: ReadonlyMap<string, Source | null>;
  readonly outer: Scope | null;
}

/** What must be true of a row that a condition lets through. */
interface Facts {
  readonly named: readonly Source[];
  readonly equal: readonly (readonly [Source, Source])[];
}

const nothing: Facts = { named: [], equal: [] };

/** Left joins keep the rows of their left side whatever they demand, so they tell of the joined table only. */
const joinsThatDemand = new Set(["InnerJoin", "LateralInnerJoin"]);
const joinsThatDemandOfTheJoined = new Set(["LeftJoin", "LateralLeftJoin"]);

/** Written by hand inside of a statement, these could take a condition back or reach another table. */
const unreadableWords = /\b(?:or|union|intersect|except|select|from|join|using|returning)\b|;|--|\/\*/i;

/** Found what is wrong: the search ends. */
class Fault extends Error {}

/**
 * Looks at a statement's tree for a tenant's table whose tenant it does not name. What it cannot read it takes for such.
 *
 * @param isAcross whether a node says that the statement around it rightly goes across tenants
 * @returns one sentence on the first one, or null
 */
export function findUnnamedTenant(
  statement: OperationNode,
  columns: TenantColumns,
  isAcross: (node: OperationNode) => boolean,
): string | null {
  try {
    new Reading(columns, isAcross).statement(statement);
    return null;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

type Ctes = ReadonlySet<string>;

class Reading {
  readonly #columns: TenantColumns;
  readonly #isAcross: (node: OperationNode) => boolean;

  constructor(columns: TenantColumns, isAcross: (node: OperationNode) => boolean) {
    this.#columns = columns;
    this.#isAcross = isAcross;
  }

  statement(node: OperationNode): void {
    if (RawNode.is(node)) this.#raw(node, false);
    else this.#query(node, null, new Set());
  }

  #isQuery(node: OperationNode): boolean {
    return /^(?:Select|Insert|Update|Delete|Merge)QueryNode$/.test(node.kind);
  }

  #query(node: OperationNode, outer: Scope | null, ctes: Ctes): Scope {
    switch (node.kind) {
      case "SelectQueryNode":
        return this.#select(node as SelectQueryNode, outer, ctes);
      case "InsertQueryNode":
        return this.#insert(node as InsertQueryNode, outer, ctes);
      case "UpdateQueryNode":
        return this.#update(node as UpdateQueryNode, outer, ctes);
      case "DeleteQueryNode":
        return this.#delete(node as DeleteQueryNode, outer, ctes);
      default:
        throw new Fault(`A statement of the kind ${node.kind} cannot be checked for its tenant.`);
    }
  }

  #select(node: SelectQueryNode, outer: Scope | null, before: Ctes): Scope {
    const ctes = this.#with(node.with, outer, before);
    const joins = node.joins ?? [];
    const scope = this.#scope([], [...(node.from?.froms ?? []), ...tablesOf(joins)], outer, ctes);
    this.#requireNamed(node, scope, joins, "reads");
    this.#inside(node, scope, ctes);
    return scope;
  }

  #update(node: UpdateQueryNode, outer: Scope | null, before: Ctes): Scope {
    const ctes = this.#with(node.with, outer, before);
    const joins = node.joins ?? [];
    const target = node.table ? [node.table] : [];
    const scope = this.#scope(target, [...(node.from?.froms ?? []), ...tablesOf(joins)], outer, ctes);
    for (const { column } of node.updates ?? []) this.#refuseMove(column, this.#scope(target, [], null, ctes));
    this.#requireNamed(node, scope, joins, "changes");
    this.#inside(node, scope, ctes);
    return scope;
  }

  #delete(node: DeleteQueryNode, outer: Scope | null, before: Ctes): Scope {
    const ctes = this.#with(node.with, outer, before);
    const joins = node.joins ?? [];
    const scope = this.#scope(node.from.froms, [...(node.using?.tables ?? []), ...tablesOf(joins)], outer, ctes);
    this.#requireNamed(node, scope, joins, "deletes from");
    this.#inside(node, scope, ctes);
    return scope;
  }

  #insert(node: InsertQueryNode, outer: Scope | null, before: Ctes): Scope {
    const ctes = this.#with(node.with, outer, before);
    const scope = this.#scope(node.into ? [node.into] : [], [], outer, ctes);
    const [target] = [...scope.sources.values()];
    const values = node.values;
    const from = values !== undefined && SelectQueryNode.is(values) ? this.#select(values, outer, ctes) : null;
    if (target && !this.#saysAcross(node)) {
      target.named = this.#valuesName(node, target, from);
      if (!target.named) throw new Fault(`This query inserts into ${target.table} without naming ${named(target)}.`);
      if (node.replace === true || node.orAction !== undefined || node.onDuplicateKey !== undefined) {
        throw new Fault(`This query may replace a row of ${target.table}, whosever it is.`);
      }
      this.#refuseForeignConflict(node.onConflict, target);
    }
    // A select has been looked at above, with its own scope.
    this.#inside({ ...node, values: from === null ? values : undefined }, scope, ctes);
    return scope;
  }

  /** Whether every inserted row says in so many words whose it is. */
  #valuesName({ columns = [], values }: InsertQueryNode, target: Source, from: Scope | null): boolean {
    const index = columns.findIndex(({ column }) => column.name === target.column);
    if (index < 0 || values === undefined) return false;
    if (ValuesNode.is(values)) {
      return values.values.every((row) => {
        if (PrimitiveValueListNode.is(row)) return row.values[index] !== undefined;
        const value = row.values[index];
        return value !== undefined && ValueNode.is(value);
      });
    }
    if (from === null || !SelectQueryNode.is(values)) return false;
    const selected = values.selections?.[index]?.selection;
    const value = selected !== undefined && AliasNode.is(selected) ? selected.node : selected;
    if (value === undefined) return false;
    if (ValueNode.is(value)) return true;
    return ReferenceNode.is(value) && resolve(value, from)?.named === true;
  }

  /** A row that is there already, with the same key, may be another tenant's. */
  #refuseForeignConflict(conflict: OnConflictNode | undefined, target: Source): void {
    if (conflict?.updates === undefined) return;
    if (conflict.columns?.some(({ column }) => column.name === target.column)) return;
    const existing: Source = { ...target, named: false };
    const excluded: Source = { ...target, named: true };
    const scope: Scope = {
      sources: new Map([
        [target.table, existing],
        ["excluded", excluded],
      ]),
      outer: null,
    };
    const facts = conflict.updateWhere ? this.#facts(conflict.updateWhere.where, scope) : nothing;
    spread([facts], []);
    if (!existing.named) {
      throw new Fault(`This query changes what it finds in ${target.table} on a conflict without naming its tenant.`);
    }
  }

  #refuseMove(column: OperationNode, targets: Scope): void {
    const name = ColumnNode.is(column)
      ? column.column.name
      : ReferenceNode.is(column) && ColumnNode.is(column.column)
        ? column.column.column.name
        : null;
    for (const target of targets.sources.values()) {
      if (target?.column === name) throw new Fault(`This query moves rows of ${target.table} to another tenant.`);
    }
  }

  #requireNamed(
    node: SelectQueryNode | UpdateQueryNode | DeleteQueryNode,
    { sources, outer }: Scope,
    joins: readonly JoinNode[],
    verb: string,
  ): void {
    const own = [...sources.values()].filter((source) => source !== null);
    if (own.length === 0) return;
    if (this.#saysAcross(node)) {
      for (const source of own) source.named = true;
      return;
    }
    const scope = { sources, outer };
    const demands: Facts[] = node.where ? [this.#facts(node.where.where, scope)] : [];
    const ofJoined: { readonly joined: Source; readonly facts: Facts }[] = [];
    for (const join of joins) {
      if (join.on === undefined) continue;
      const facts = this.#facts(join.on.on, scope);
      if (joinsThatDemand.has(join.joinType)) demands.push(facts);
      const joined = sources.get(nameOf(join.table) ?? "");
      if (joinsThatDemandOfTheJoined.has(join.joinType) && joined) ofJoined.push({ joined, facts });
    }
    spread(demands, ofJoined);
    const unnamed = own.find((source) => !source.named);
    if (unnamed !== undefined) throw new Fault(`This query ${verb} ${unnamed.table} without naming ${named(unnamed)}.`);
  }

  #saysAcross({ endModifiers }: { readonly endModifiers?: readonly OperationNode[] }): boolean {
    return endModifiers?.some((modifier) => this.#isNote(modifier)) === true;
  }

  /** Builders put modifiers into nodes of their own. */
  #isNote(node: OperationNode): boolean {
    if (this.#isAcross(node)) return true;
    const { rawModifier } = node as { readonly rawModifier?: OperationNode };
    return rawModifier !== undefined && this.#isAcross(rawModifier);
  }

  /** What is written to is always a table; what is read may be a `with` of the same name. */
  #scope(written: readonly OperationNode[], read: readonly OperationNode[], outer: Scope | null, ctes: Ctes): Scope {
    const sources = new Map<string, Source | null>();
    const add = (node: OperationNode, isKnownOtherwise: (name: string) => boolean) => {
      const table = AliasNode.is(node) ? node.node : node;
      const name = nameOf(node);
      if (name === null && (TableNode.is(table) || !(RawNode.is(table) || AliasNode.is(node)))) {
        throw new Fault(`A table given as ${node.kind} cannot be checked for its tenant.`);
      }
      if (name === null) return;
      const identifier = TableNode.is(table) ? table.table.identifier.name : null;
      const column = identifier === null || isKnownOtherwise(identifier) ? undefined : this.#columnOf(identifier);
      if (sources.get(name)) throw new Fault(`This query has two tables called ${name}.`);
      const isTenants = identifier !== null && column !== undefined;
      sources.set(name, isTenants ? { table: identifier, column, named: false } : null);
    };
    for (const node of written) add(node, () => false);
    for (const node of read) add(node, (name) => ctes.has(name));
    return { sources, outer };
  }

  #columnOf(table: string): string | undefined {
    return Object.hasOwn(this.#columns, table) ? this.#columns[table] : undefined;
  }

  #with(node: WithNode | undefined, outer: Scope | null, before: Ctes): Ctes {
    if (node === undefined) return before;
    const ctes = new Set(before);
    for (const { name, expression } of node.expressions) {
      const own = name.table.table.identifier.name;
      if (node.recursive === true) ctes.add(own);
      if (this.#isQuery(expression)) this.#query(expression, outer, new Set(ctes));
      else this.#visit(expression, outer ?? { sources: new Map(), outer: null }, ctes);
      ctes.add(own);
    }
    return ctes;
  }

  #facts(node: OperationNode, scope: Scope): Facts {
    if (ParensNode.is(node)) return this.#facts(node.node, scope);
    if (AndNode.is(node)) return both(this.#facts(node.left, scope), this.#facts(node.right, scope));
    if (OrNode.is(node)) return either(this.#facts(node.left, scope), this.#facts(node.right, scope));
    if (!BinaryOperationNode.is(node) || !OperatorNode.is(node.operator)) return nothing;
    const { operator } = node.operator;
    const left = ReferenceNode.is(node.leftOperand) ? resolve(node.leftOperand, scope) : undefined;
    const right = ReferenceNode.is(node.rightOperand) ? resolve(node.rightOperand, scope) : undefined;
    if (operator === "=" && left && right) return { named: [], equal: [[left, right]] };
    if (operator === "=" && right && ValueNode.is(node.leftOperand)) return { named: [right], equal: [] };
    const names =
      (operator === "=" && ValueNode.is(node.rightOperand)) ||
      // The rows that belong to no tenant, such as tokens for the whole cluster.
      (operator === "is" && ValueNode.is(node.rightOperand) && node.rightOperand.value === null) ||
      (operator === "in" && isListOfValues(node.rightOperand));
    return names && left ? { named: [left], equal: [] } : nothing;
  }

  /** Everything else in a query: what it selects, its other conditions, its joins. */
  #inside(node: object, scope: Scope, ctes: Ctes): void {
    for (const member in node) {
      if (member === "with" || member === "into" || member === "kind") continue;
      const child = (node as Readonly<Record<string, unknown>>)[member];
      if (Array.isArray(child)) for (const one of child) this.#visitIfNode(one, scope, ctes);
      else this.#visitIfNode(child, scope, ctes);
    }
  }

  #visitIfNode(child: unknown, scope: Scope, ctes: Ctes): void {
    if (typeof child === "object" && child !== null && "kind" in child)
      this.#visit(child as OperationNode, scope, ctes);
  }

  #visit(node: OperationNode, scope: Scope, ctes: Ctes): void {
    switch (node.kind) {
      case "TableNode":
      case "ReferenceNode":
      case "ColumnNode":
      case "OperatorNode":
      case "ValueNode":
      case "PrimitiveValueListNode":
      case "SelectAllNode":
      case "IdentifierNode":
        return;
      case "RawNode":
        if (!this.#isAcross(node)) this.#raw(node as RawNode, true);
        return;
      default:
        if (this.#isQuery(node)) this.#query(node, scope, ctes);
        else this.#inside(node, scope, ctes);
    }
  }

  /** SQL written by hand is not read: it may not name a tenant's table, and as a part not do what a part must not. */
  #raw({ sqlFragments, parameters }: RawNode, isPart: boolean): void {
    const text = sqlFragments.join(" ");
    if (isPart && unreadableWords.test(text)) {
      throw new Fault(`SQL written by hand inside of a query cannot be checked for its tenant (${text.trim()}).`);
    }
    const words = text.match(/[a-z_][a-z_0-9]*(?!"?\s*\.)\b/gi) ?? [];
    for (const word of words) this.#refuseRawTable(word.toLowerCase());
    for (const parameter of parameters) {
      if (TableNode.is(parameter)) this.#refuseRawTable(parameter.table.identifier.name);
      else if (IdentifierNode.is(parameter)) this.#refuseRawTable(parameter.name);
      else if (RawNode.is(parameter)) this.#raw(parameter, isPart);
      else this.#visit(parameter, { sources: new Map(), outer: null }, new Set());
    }
  }

  #refuseRawTable(name: string): void {
    if (this.#columnOf(name) === undefined) return;
    throw new Fault(`SQL written by hand names ${name} and cannot be checked for its tenant.`);
  }
}

function named({ table, column }: Source): string {
  return `the tenant (${table}.${column})`;
}

/** The name by which a query's conditions speak of a table. */
function nameOf(node: OperationNode): string | null {
  if (AliasNode.is(node)) return IdentifierNode.is(node.alias) ? node.alias.name : null;
  return TableNode.is(node) ? node.table.identifier.name : null;
}

function tablesOf(joins: readonly JoinNode[]): OperationNode[] {
  return joins.map(({ table }) => table);
}

/** The tenant's table whose column that names the tenant this is. */
function resolve({ column, table }: ReferenceNode, scope: Scope): Source | undefined {
  if (!ColumnNode.is(column)) return undefined;
  const name = column.column.name;
  if (table === undefined) {
    const fitting = [...scope.sources.values()].filter((source) => source?.column === name);
    return fitting.length === 1 ? (fitting[0] ?? undefined) : undefined;
  }
  const alias = table.table.identifier.name;
  for (let at: Scope | null = scope; at !== null; at = at.outer) {
    const source = at.sources.get(alias);
    if (source === undefined) continue;
    return source?.column === name ? source : undefined;
  }
  return undefined;
}

function isListOfValues(node: OperationNode): boolean {
  return (
    PrimitiveValueListNode.is(node) || (ValueListNode.is(node) && node.values.every((value) => ValueNode.is(value)))
  );
}

function both(a: Facts, b: Facts): Facts {
  return { named: [...a.named, ...b.named], equal: [...a.equal, ...b.equal] };
}

/** What is true whichever of the two holds. */
function either(a: Facts, b: Facts): Facts {
  return { named: a.named.filter((source) => b.named.includes(source)), equal: [] };
}

/** Marks every table whose tenant is named, directly or by an equality with one that is. */
function spread(
  demands: readonly Facts[],
  ofJoined: readonly { readonly joined: Source; readonly facts: Facts }[],
): void {
  for (const { named: sources } of demands) for (const source of sources) source.named = true;
  for (const { joined, facts } of ofJoined) if (facts.named.includes(joined)) joined.named = true;
  for (let changed = true; changed; ) {
    changed = false;
    const mark = (source: Source) => {
      changed ||= !source.named;
      source.named = true;
    };
    for (const { equal } of demands) {
      for (const [a, b] of equal) if (a.named || b.named) for (const one of [a, b]) mark(one);
    }
    for (const { joined, facts } of ofJoined) {
      for (const [a, b] of facts.equal) if ((a === joined && b.named) || (b === joined && a.named)) mark(joined);
    }
  }
}
