import type { Compilable, CompiledQuery, Kysely } from "kysely";
import { dbLimits } from "./limits.ts";
import { execute } from "./statement-batch.ts";
import { guardOf } from "./tenant-guard.ts";
import { requireOpenWork } from "./work-lease.ts";

/** What a column can hold. */
export type SqlValue = string | number | bigint | null | Uint8Array;

/** The values of one run of a kept query: single ones, and lists for `in`. */
export type QueryValues = Readonly<Record<string, SqlValue | readonly SqlValue[]>>;

/**
 * A query that is built, looked at by the tenant guard and compiled once, and then run again with other values. Making a
 * statement costs ten times what running it on an index does.
 *
 * `build` is called as for any query, but what it is given are places for values and not values: it cannot look at them, so the
 * statement that the guard has passed is the statement for all of them. A list has as many places as the next power of
 * two, the last value filling up, so `in` with any number of values is some ten statements.
 *
 * A compiled statement is kept for the guard that has passed it and runs under no other; where there is no guard, as for a
 * backup, nothing is kept. `null` is a value like others here, which equals nothing: ask for `is null` by a query of its own.
 */
export function keepQuery<DB, Values extends QueryValues, Row>(
  build: (db: Kysely<DB>, values: Values) => Compilable<Row>,
): (db: Kysely<DB>, values: Values) => Promise<Row[]> {
  const keep = keeper((db: Kysely<DB>, values: Values) => build(db, placesFor(values)));
  return async (db, values) => {
    let shape = "";
    for (const name in values) {
      const value = values[name];
      if (isList(value)) shape += `${name}:${placesIn(value)} `;
    }
    return keep(db, shape, values);
  };
}

/**
 * The same for inserting any number of rows, in as few statements as some twenty sizes of them allow.
 *
 * @param build inserts all that it is given
 * @throws {Error} when the rows do not all have the same columns
 */
export function keepInsert<DB, Row extends object>(
  build: (db: Kysely<DB>, rows: readonly Row[]) => Compilable,
): (db: Kysely<DB>, rows: readonly Row[]) => Promise<void> {
  const keep = keeper((db: Kysely<DB>, rows: readonly Row[]) => build(db, rows.map(placesForRow)));
  return async (db, rows) => {
    const columns = Object.keys(rows[0] ?? {});
    if (rows.some((row) => Object.keys(row).length !== columns.length)) throw new Error("Rows with different columns.");
    const inserts: Promise<unknown>[] = [];
    for (let start = 0; start < rows.length; ) {
      const some = rows.slice(start, start + rowsOfNext(rows.length - start));
      inserts.push(keep(db, `${some.length} ${columns}`, some));
      start += some.length;
    }
    await Promise.all(inserts);
  };
}

/** Any number up to 16, and eights up to 64. */
function rowsOfNext(left: number): number {
  return left <= 16 ? left : Math.min(64, left - (left % 8));
}

/** A compiled statement that knows where its parameters come from. */
interface Kept<Values, Row> {
  readonly compiled: CompiledQuery<Row>;
  readonly parameterOf: readonly ((values: Values) => unknown)[];
}

function keeper<DB, Values, Row>(
  build: (db: Kysely<DB>, values: Values) => Compilable<Row>,
): (db: Kysely<DB>, shape: string, values: Values) => Promise<Row[]> {
  const keptUnder = new WeakMap<object, Map<string, Kept<Values, Row>>>();

  function keptFor(guard: object | undefined): Map<string, Kept<Values, Row>> {
    const kept = guard && keptUnder.get(guard);
    if (kept !== undefined) return kept;
    const none = new Map<string, Kept<Values, Row>>();
    if (guard) keptUnder.set(guard, none);
    return none;
  }

  return async (db, shape, values) => {
    requireOpenWork(db);
    const kept = keptFor(guardOf(db));
    let known = kept.get(shape);
    if (known === undefined) {
      const compiled = build(db, values).compile();
      known = { compiled, parameterOf: compiled.parameters.map(toSource<Values>) };
      kept.set(shape, known);
    }
    const { compiled, parameterOf } = known;
    const parameters = parameterOf.map((read) => {
      const value = read(values);
      if (value === undefined) throw new Error("A kept query was run without one of its values.");
      return value;
    });
    return execute(db, { ...compiled, parameters });
  };
}

function toSource<Values>(parameter: unknown): (values: Values) => unknown {
  if (!(parameter instanceof Place)) return () => parameter;
  return parameter.read as (values: Values) => unknown;
}

/** Stands in a query where a value will be. To look at it is a mistake: the query would be made for this value alone. */
class Place {
  readonly read: (values: never) => unknown;

  constructor(read: (values: never) => unknown) {
    this.read = read;
  }

  [Symbol.toPrimitive](): never {
    throw new Error("A kept query cannot depend on its values.");
  }

  toJSON(): never {
    return this[Symbol.toPrimitive]();
  }
}

function placesFor<Values extends QueryValues>(values: Values): Values {
  const places = Object.entries(values).map(([name, value]) => {
    if (!isList(value)) return [name, new Place((all: Values) => all[name])];
    const placeAt = (_: unknown, at: number) =>
      new Place((all: Values) => {
        const list = all[name] as readonly SqlValue[];
        return list[Math.min(at, list.length - 1)];
      });
    return [name, Array.from({ length: placesIn(value) }, placeAt)];
  });
  return Object.fromEntries(places) as Values;
}

function placesForRow<Row extends object>(row: Row, at: number): Row {
  const places = Object.keys(row).map((name) => {
    return [name, new Place((rows: readonly Readonly<Record<string, unknown>>[]) => rows[at]?.[name])];
  });
  return Object.fromEntries(places) as Row;
}

function isList(value: SqlValue | readonly SqlValue[] | undefined): value is readonly SqlValue[] {
  return Array.isArray(value);
}

function placesIn({ length }: readonly SqlValue[]): number {
  if (length > dbLimits.maxRowsPerStatement) throw new Error("A list for one statement is too long.");
  return length === 0 ? 0 : 2 ** Math.ceil(Math.log2(length));
}
