import { Worker } from "node:worker_threads";
import { DatabaseUnusable } from "../database-error.ts";
import type { Statement } from "../statement-batch.ts";
import type { StatementFailure, StatementResult } from "./statements.ts";
import { toDatabaseError } from "./statements.ts";

export type WriterOrder =
  | { readonly kind: "run"; readonly id: number; readonly statements: readonly Statement[] }
  | { readonly kind: "close" };

export type WriterAnswer =
  | { readonly id: number; readonly results: readonly StatementResult[] }
  | { readonly id: number; readonly failure: StatementFailure };

/** The main thread's end of the writer. Statements run in the order given, to the first that fails. */
export interface Writer {
  run(statements: readonly Statement[]): Promise<readonly StatementResult[]>;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (results: readonly StatementResult[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Starts the writer's thread on the database at `path`, which is created if it is not there.
 *
 * When the thread dies, every statement under way and every later one fails, and `onDeath` is told: a cluster
 * that cannot write must not go on answering.
 *
 * @throws {DatabaseUnusable} when the file is no database, or cannot be written
 */
export async function startWriter(path: string, onDeath: (error: Error) => void): Promise<Writer> {
  const worker = new Worker(new URL("./writer-worker.ts", import.meta.url), { workerData: { path } });
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let death: Error | undefined;
  let started = false;
  let closing = false;

  function die(error: Error): void {
    if (death !== undefined) return;
    death = error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    if (started && !closing) onDeath(error);
  }
  worker.on("error", (error) => die(error instanceof Error ? error : new Error(String(error))));
  const ended = new Promise<void>((resolve) => {
    worker.on("exit", () => {
      die(new Error("The database's writer has ended."));
      resolve();
    });
  });

  worker.on("message", (answer: WriterAnswer) => {
    const request = waiting.get(answer.id);
    if (request === undefined) return;
    waiting.delete(answer.id);
    if ("failure" in answer) request.reject(toDatabaseError(answer.failure));
    else request.resolve(answer.results);
  });

  function expect(id: number): Promise<readonly StatementResult[]> {
    return new Promise((resolve, reject) => {
      if (death !== undefined) reject(death);
      else waiting.set(id, { resolve, reject });
    });
  }

  try {
    await expect(0);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DatabaseUnusable(`The database ${path} cannot be opened (${reason}). Put it back from a backup.`, {
      cause: error,
    });
  }
  started = true;
  return {
    run(statements) {
      lastId += 1;
      const answer = expect(lastId);
      const plain = statements.map(({ sql, parameters }) => ({ sql, parameters }));
      worker.postMessage({ kind: "run", id: lastId, statements: plain } satisfies WriterOrder);
      return answer;
    },
    async close() {
      closing = true;
      if (death === undefined) worker.postMessage({ kind: "close" } satisfies WriterOrder);
      await ended;
    },
  };
}
