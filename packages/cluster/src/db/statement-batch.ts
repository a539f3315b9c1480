import { type CompiledQuery, createQueryId, type Kysely, RawNode } from "kysely";

/** A statement as the database takes it. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** Statements that are sent to the database in one message. Kysely knows single ones only: to it, this is a parameter. */
class Batch {
  readonly statements: readonly Statement[];

  constructor(statements: readonly Statement[]) {
    this.statements = statements;
  }
}

interface Waiting extends PromiseWithResolvers<unknown[]> {
  readonly compiled: CompiledQuery;
}

const gathering = new WeakMap<object, Waiting[]>();

/**
 * From now on, kept statements on `tx` that are asked for without waiting for one another are sent together, in the order in which
 * they were asked for. They succeed together, or fail with the first error among them: then the transaction is to be undone.
 */
export function sendTogether<DB>(tx: Kysely<DB>): void {
  gathering.set(tx, []);
}

/** Runs a compiled statement, with others where {@link sendTogether} says so, and gives its rows. */
export async function execute<DB, Row>(db: Kysely<DB>, compiled: CompiledQuery<Row>): Promise<Row[]> {
  const waiting = gathering.get(db);
  if (waiting === undefined) return (await db.executeQuery(compiled)).rows;
  // When all that follows from the last answers has been done, and before anything else is looked at.
  if (waiting.length === 0) process.nextTick(() => void sendAll(db, waiting.splice(0)));
  const answer = Promise.withResolvers<unknown[]>();
  waiting.push({ ...answer, compiled });
  return answer.promise as Promise<Row[]>;
}

async function sendAll<DB>(db: Kysely<DB>, all: readonly Waiting[]): Promise<void> {
  const statements = all.map(({ compiled: { sql, parameters } }) => ({ sql, parameters }));
  const batch: CompiledQuery<unknown[]> = {
    sql: "",
    parameters: [new Batch(statements)],
    query: RawNode.createWithSql(""),
    queryId: createQueryId(),
  };
  try {
    const { rows } = await db.executeQuery(batch);
    for (const [index, { resolve }] of all.entries()) resolve(rows[index] ?? []);
  } catch (error) {
    for (const { reject } of all) reject(error);
  }
}

/** For the engines: the statements that stand behind what Kysely takes for a single one, or undefined when it is one. */
export function statementsOf(parameters: readonly unknown[]): readonly Statement[] | undefined {
  const [first] = parameters;
  return first instanceof Batch ? first.statements : undefined;
}
