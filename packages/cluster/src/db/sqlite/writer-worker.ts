import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { createStatements, describeFailure } from "./statements.ts";
import type { WriterAnswer, WriterOrder } from "./writer.ts";

// The writer's thread: the only read-write connection of the node, so that flushing the disk never stops the event loop.
const port = parentPort;
if (port === null) throw new Error("writer-worker.ts runs as a worker thread only");

const { path } = workerData as { path: string };
const database = new DatabaseSync(path, { timeout: 5_000 });
database.exec("pragma journal_mode = wal");
database.exec("pragma synchronous = full");
database.exec("pragma fullfsync = on"); // macOS: without it a flush stops at the drive's own memory
database.exec("pragma foreign_keys = on");
database.exec("pragma trusted_schema = off");
const run = createStatements(database);

port.on("message", (order: WriterOrder) => {
  if (order.kind === "close") {
    database.close();
    port.close();
    return;
  }
  port.postMessage(answerTo(order));
});
port.postMessage({ id: 0, results: [] } satisfies WriterAnswer);

function answerTo(order: WriterOrder & { kind: "run" }): WriterAnswer {
  try {
    return { id: order.id, results: order.statements.map(run) };
  } catch (error) {
    return { id: order.id, failure: describeFailure(error) };
  }
}
