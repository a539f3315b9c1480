import { Type } from "typebox";
import { type Clock, toRfc3339 } from "../clock.ts";
import { onPage } from "../db/keyset.ts";
import { originOf } from "../http/origin.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { IdParams, NoContent, nullable, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Db } from "../schema.ts";
import { identityLimits } from "./limits.ts";
import { principalOf } from "./principal.ts";
import type { Sessions } from "./sessions.ts";

const Session = Type.Object({
  id: Uuid,
  address: nullable(Type.String({ description: "From where the log-in came" })),
  createdAt: Time,
  seenAt: Type.String({ format: "date-time", description: "The last request, to the minute" }),
  endsAt: Time,
  current: Type.Boolean({ description: "Whether this request came by it" }),
});

export interface SessionListRoutesOptions {
  readonly reads: Db;
  readonly clock: Clock;
  readonly sessions: Sessions;
}

/** One's own sessions: where one is logged in, and an end to it. */
export function sessionListRoutes(api: Server, { reads, clock, sessions }: SessionListRoutesOptions): void {
  const tags = ["session"];
  const self = (permission: string) => ({ access: { permission, scope: "self" } }) as const;

  api.get(
    "/sessions",
    {
      config: self("session.read"),
      schema: {
        tags,
        summary: "One's own sessions",
        querystring: listQuery({}, ["createdAt"]),
        response: { 200: listOf(Session) },
      },
    },
    async (request) => {
      const page = pageRequest("sessions", request.query, "-createdAt");
      const { userId, credentialId } = principalOf(request);
      const now = clock.now();
      const query = reads
        .selectFrom("session")
        .select(["id", "address", "created_at", "seen_at", "ends_at"])
        .where("user_id", "=", userId)
        .where("ends_at", ">", now)
        .where("seen_at", ">", now - identityLimits.sessionIdleMs);
      const rows = await onPage(query, { key: "created_at", id: "id" }, page).execute();
      return toPage(
        page,
        rows,
        (row) => ({ key: row.created_at, id: row.id }),
        (row) => ({
          id: row.id,
          address: row.address === "" ? null : row.address,
          createdAt: toRfc3339(row.created_at),
          seenAt: toRfc3339(row.seen_at),
          endsAt: toRfc3339(row.ends_at),
          current: row.id === credentialId,
        }),
      );
    },
  );

  api.delete(
    "/sessions",
    {
      config: self("session.end"),
      schema: { tags, summary: "End one's other sessions", response: { 204: NoContent } },
    },
    async (request, reply) => {
      await sessions.endOthers(principalOf(request), originOf(request));
      return reply.code(204).send(null);
    },
  );

  api.delete(
    "/sessions/:id",
    {
      config: self("session.end"),
      schema: { tags, summary: "End one of one's own sessions", params: IdParams, response: { 204: NoContent } },
    },
    async (request, reply) => {
      await sessions.end(principalOf(request), request.params.id, originOf(request));
      return reply.code(204).send(null);
    },
  );
}
