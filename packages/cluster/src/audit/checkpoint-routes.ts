import { Type } from "typebox";
import { type Clock, toRfc3339 } from "../clock.ts";
import { afterPosition } from "../db/keyset.ts";
import { accessOf } from "../http/access.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { closed, nullable, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Db } from "../schema.ts";
import { readCheckpointFile } from "./checkpoints.ts";
import { tenantOf } from "./entry.ts";
import { planPrune } from "./prune.ts";
import type { AuditCheckpointTable } from "./tables.ts";

const Checkpoint = Type.Object({
  n: Type.Integer({ description: "They count from 1 without gaps." }),
  at: Time,
  kid: Type.String({ description: "The audit key, an RFC 7638 thumbprint." }),
  checkpoint: Type.String({ description: "The checkpoint, JWS compact with the type audit-checkpoint+jwt." }),
});

const Head = Type.Object({ chain: Type.String(), seq: Type.Integer(), hash: Type.String() });
const CheckpointWithHeads = Type.Object({
  checkpoint: Type.String(),
  heads: Type.Array(Head, { description: "The heads that it signs, as far as you may see them." }),
  otherLeaves: Type.Array(Type.String(), { description: "What the other heads add to the digest that it signs." }),
});

const NumberQuery = closed({ n: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })) });

const Retention = Type.Object({
  days: nullable(Type.Integer({ description: "How long entries are kept; null: for ever." })),
  before: nullable(Type.String({ description: "Entries that were signed before this time would go." })),
  chains: Type.Array(Type.Object({ tenantId: nullable(Uuid), entries: Type.Integer(), throughSeq: Type.Integer() })),
});

export interface CheckpointRoutesOptions {
  readonly reads: Db;
  readonly clock: Clock;
  readonly retentionDays: number | null;
}

/** Checkpoints to keep outside the cluster, and what retention removes behind them. */
export function checkpointRoutes(api: Server, { reads, clock, retentionDays }: CheckpointRoutesOptions): void {
  const config = { access: { permission: "audit.read", scope: "tenant" } } as const;

  api.get(
    "/audit/checkpoints",
    {
      config,
      schema: {
        tags: ["audit"],
        summary: "The checkpoints of the audit log",
        querystring: listQuery({}, ["n"]),
        response: { 200: listOf(Checkpoint) },
      },
    },
    async (request) => {
      accessOf(request).reach(); // the same for everybody: a checkpoint tells of no tenant by itself
      const page = pageRequest("audit-checkpoints", request.query, "-n");
      let query = reads.selectFrom("audit_checkpoint").selectAll();
      if (page.after !== null) {
        // The number alone orders them; `kid` only fills the place of a tie that cannot be.
        query = query.where(afterPosition({ key: "n", id: "kid" }, page.direction, page.after));
      }
      const rows = await query
        .orderBy("n", page.direction)
        .limit(page.limit + 1)
        .execute();
      return toPage(page, rows, (row) => ({ key: row.n, id: row.kid }), toCheckpoint);
    },
  );

  api.get(
    "/audit/checkpoint",
    {
      config,
      schema: {
        tags: ["audit"],
        summary: "The newest checkpoint, or the one of a number, with its heads: to be kept outside the cluster",
        querystring: NumberQuery,
        response: { 200: CheckpointWithHeads },
      },
    },
    async (request) => {
      const reach = accessOf(request).reach();
      let query = reads.selectFrom("audit_checkpoint").select(["n", "jws"]).orderBy("n", "desc").limit(1);
      if (request.query.n !== undefined) query = query.where("n", "=", request.query.n);
      const checkpoint = await query.executeTakeFirst();
      if (checkpoint === undefined) throw new Problem("not_found", "There is no such checkpoint.");
      const mayRead = (chain: string) => reach === "everywhere" || reach.has(chain);
      const file = await readCheckpointFile(reads, checkpoint, mayRead);
      return { checkpoint: file.checkpoint, heads: [...file.heads], otherLeaves: [...file.otherLeaves] };
    },
  );

  api.get(
    "/audit/retention",
    {
      config: { access: { permission: "audit.read", scope: "cluster" } },
      schema: {
        tags: ["audit"],
        summary: "What retention would remove now, or if it kept what was signed since a given time",
        querystring: closed({ before: Type.Optional(Time) }),
        response: { 200: Retention },
      },
    },
    async (request) => {
      const before = beforeOf(request.query.before, clock.now(), retentionDays);
      const plans = before === null ? [] : await planPrune(reads, before);
      return {
        days: retentionDays,
        before: before === null ? null : toRfc3339(before),
        chains: plans.map(({ chain, entries, seq }) => ({ tenantId: tenantOf(chain), entries, throughSeq: seq })),
      };
    },
  );
}

function beforeOf(asked: string | undefined, now: number, days: number | null): number | null {
  if (asked !== undefined) return Date.parse(asked);
  return days === null ? null : now - days * 86_400_000;
}

function toCheckpoint({ n, at, kid, jws }: AuditCheckpointTable) {
  return { n, at: toRfc3339(at), kid, checkpoint: jws };
}
