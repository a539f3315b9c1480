import { Counter, Histogram, type Registry } from "prom-client";
import { DatabaseError, type DatabaseErrorKind } from "../db/database-error.ts";
import type { Server } from "./server.ts";

/** Up to a held check-in (45 seconds) and what goes beyond it. */
const secondsUpTo = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/** Errors that are nobody's mistake: the database's own trouble. */
const troubles: ReadonlySet<DatabaseErrorKind> = new Set(["full", "conflict", "unavailable", "other"]);

/**
 * Measures every request of the routes registered after it, by the route's pattern and never by the address that was asked for:
 * a stranger must not be able to make new series.
 */
export function measureRequests(app: Server, registry: Registry): void {
  const durations = new Histogram({
    name: "postern_http_request_duration_seconds",
    help: "Requests to this node, from their arrival to the end of the answer.",
    labelNames: ["method", "route", "status"],
    buckets: secondsUpTo,
    registers: [registry],
  });
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url;
    const labels = { method: route === undefined ? "" : request.method, route: route ?? "", status: reply.statusCode };
    durations.observe(labels, reply.elapsedTime / 1000);
  });
}

/** Counts an error when it is one of the database, and leaves it to whoever has it. */
export type CountDatabaseError = (error: unknown) => void;

/** Counts the errors of the database that end a request, and those that it is told of. */
export function countDatabaseErrors(app: Server, registry: Registry): CountDatabaseError {
  const errors = new Counter({
    name: "postern_database_errors_total",
    help: "Requests and works of this node that an error of the database ended, by its kind.",
    labelNames: ["kind"],
    registers: [registry],
  });
  for (const kind of troubles) errors.inc({ kind }, 0);
  const count: CountDatabaseError = (error) => {
    if (error instanceof DatabaseError && troubles.has(error.kind)) errors.inc({ kind: error.kind });
  };
  app.addHook("onError", async (_request, _reply, error) => count(error));
  return count;
}
