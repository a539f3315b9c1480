import { Readable } from "node:stream";
import { Type } from "typebox";
import type { Deployment } from "../config/config.ts";
import { Problem } from "../http/problems.ts";
import type { Server } from "../http/server.ts";
import { reachOf } from "../identity/permissions.ts";
import { principalOf } from "../identity/principal.ts";
import { streamLimits } from "./limits.ts";
import type { StreamHub, StreamReader } from "./stream-hub.ts";

export interface StreamServices {
  readonly hub: StreamHub;
  readonly deployment: Deployment;
}

const description = `Server-sent events. Each is a hint, with ids and nothing more: what is there now is to be read again. Everybody is told what his
roles let him read, and nothing else.

- \`hello\`: the stream has begun.
- \`agent\` {tenantId, agentId}: what is known of an agent has changed.
- \`presence\` {tenantId, active, inactive}: agents that are heard of again, and agents that have fallen silent.
- \`journal\` {tenantId, agentId}: an agent has delivered journal entries.
- \`token\` {tenantId, agentId, tokenId, what}: a token was \`issued\`, \`redeemed\` or \`revoked\`.
- \`alarm\` {tenantId, agentId, alarmId}: an alarm was raised, or has changed.
- \`profile\` {tenantId, profileId}, \`assignment\` {tenantId, agentId}: a profile was changed; an agent has another one.
- \`keys\` {}: a signing key was made or withdrawn.
- \`resync\` {reason}: something may have been missed; read everything again that is shown.
- \`end\` {reason}: the session has ended, or the node shuts down.

An id that is null, or \`all: true\`, stands for many. After a lost connection send \`Last-Event-ID\`: what was missed follows, or \`resync\`.`;

/** `/stream`: what happens, while it happens. */
export function streamRoutes(api: Server, { hub, deployment }: StreamServices): void {
  api.get(
    "/stream",
    {
      config: { access: { permission: "stream.read", scope: "self" } },
      schema: {
        tags: ["events"],
        summary: "What happens, while it happens",
        description,
        produces: ["text/event-stream"],
        response: { 200: Type.String() },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      const { all, own } = hub.count(principal.userId);
      if (all >= streamLimits.maxStreams || own >= streamLimits.maxStreamsPerUser) {
        throw new Problem("too_many_streams", undefined, { headers: { "retry-after": "30" } });
      }
      const lines = new Readable({ read() {} });
      const reader: StreamReader = {
        principal,
        reachOf: (bindings, permission) => reachOf(bindings, permission, deployment),
        write(text) {
          lines.push(text);
          return lines.readableLength <= streamLimits.maxWaitingBytes;
        },
        end: () => lines.push(null),
        cut: () => lines.destroy(),
      };
      const lastEventId = request.headers["last-event-id"];
      const close = hub.open(reader, typeof lastEventId === "string" ? lastEventId : undefined);
      lines.once("close", close);
      return reply
        .type("text/event-stream; charset=utf-8")
        .header("cache-control", "no-store, no-transform") // nothing on the way may hold it back to compress it
        .header("x-accel-buffering", "no")
        .header("connection", "close") // a stream ends with its connection, also when the node shuts down
        .send(lines as never);
    },
  );
}
