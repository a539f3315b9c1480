import { Type } from "typebox";
import type { Audit } from "../audit/record.ts";
import type { ChangePublisher } from "../change-feed.ts";
import { type Clock, toRfc3339, toRfc3339OrNull } from "../clock.ts";
import { accessOf, type RequestAccess } from "../http/access.ts";
import { etagOf, requireMatch } from "../http/etag.ts";
import { originOf } from "../http/origin.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { closed, IdParams, nullable, oneOf, type Static, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Store } from "../schema.ts";
import { alarmKindNames, alarmKinds, alarmSeverities } from "./alarm-kinds.ts";
import {
  alarmSortFields,
  alarmStates,
  countAlarms,
  findAlarmAnywhere,
  type ListedAlarm,
  listAlarms,
  positionOfAlarm,
  stateOfAlarm,
} from "./alarm-list.ts";
import { acknowledgeAlarm } from "./alarms.ts";
import { alarmLimits } from "./limits.ts";

export interface AlarmRouteServices {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly feed: ChangePublisher;
}

const Alarm = Type.Object({
  id: Uuid,
  kind: oneOf(alarmKindNames),
  severity: oneOf(alarmSeverities),
  state: oneOf(alarmStates),
  tenant: nullable(Type.Object({ id: Uuid, name: Type.String() }, { description: "Null: it concerns the cluster." })),
  agent: nullable(Type.Object({ id: Uuid, hostName: Type.String() })),
  title: Type.String({ description: "What has happened, in one sentence." }),
  advice: Type.String({ description: "What to do next." }),
  data: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]), {
    description: "Of the last occurrence; which members depends on the kind.",
  }),
  lasts: Type.Boolean({ description: "It goes on, and resolves by itself when it ends." }),
  count: Type.Integer({ description: "How often it has happened." }),
  raisedAt: Time,
  lastAt: Time,
  changedAt: Time,
  acknowledged: nullable(
    Type.Object({
      at: Time,
      by: Type.Object({ id: Type.String(), name: Type.String() }),
      comment: Type.String(),
    }),
  ),
  resolvedAt: nullable(Time),
});

const AlarmCounts = Type.Object({
  open: Type.Integer({ description: "Alarms that nobody has acknowledged." }),
  openProblems: Type.Integer({ description: "Those of them that are problems, not warnings." }),
  acknowledged: Type.Integer({ description: "Alarms that go on although somebody has acknowledged them." }),
  byKind: Type.Array(
    Type.Object({
      kind: oneOf(alarmKindNames),
      severity: oneOf(alarmSeverities),
      state: oneOf(["open", "acknowledged"]),
      count: Type.Integer(),
    }),
  ),
});

const Query = listQuery(
  {
    tenantId: Type.Optional(Uuid),
    agentId: Type.Optional(Uuid),
    kind: Type.Optional(oneOf(alarmKindNames)),
    severity: Type.Optional(oneOf(alarmSeverities)),
    state: Type.Optional(oneOf(alarmStates)),
  },
  alarmSortFields,
);

const AcknowledgeBody = closed({
  comment: Type.String({
    minLength: alarmLimits.minCommentChars,
    maxLength: alarmLimits.maxCommentChars,
    pattern: "\\S[^]*\\S[^]*\\S",
    mustBe: "three visible characters or more",
    description: "What was found out, or done; it stands in the audit log.",
  }),
});

const tags = ["alarms"];
const reading = { access: { permission: "alarm.read", scope: "tenant" } } as const;
const readingOne = { access: { permission: "alarm.read", scope: "object" } } as const;
const acknowledging = { access: { permission: "alarm.acknowledge", scope: "object" } } as const;

/** `/alarms`: what somebody should look at. */
export function alarmRoutes(api: Server, { store, audit, clock, feed }: AlarmRouteServices): void {
  api.get(
    "/alarms",
    {
      config: reading,
      schema: { tags, summary: "Alarms", querystring: Query, response: { 200: listOf(Alarm) } },
    },
    async (request) => {
      const access = accessOf(request);
      const { tenantId } = request.query;
      if (tenantId !== undefined) access.requireTenant(tenantId);
      const page = pageRequest("alarms", request.query, "-raisedAt");
      const rows = await listAlarms(store.reads, access.reach(), request.query, page);
      return toPage(page, rows, (row) => positionOfAlarm(row, page.field), toAlarm);
    },
  );

  api.get(
    "/alarms/counts",
    {
      config: reading,
      schema: {
        tags,
        summary: "How many alarms there are to look at",
        querystring: closed({ tenantId: Type.Optional(Uuid) }),
        response: { 200: AlarmCounts },
      },
    },
    async (request) => {
      const access = accessOf(request);
      const { tenantId } = request.query;
      if (tenantId !== undefined) access.requireTenant(tenantId);
      const byKind = await countAlarms(store.reads, tenantId === undefined ? access.reach() : new Set([tenantId]));
      const sum = (some: typeof byKind) => some.reduce((total, { count }) => total + count, 0);
      const open = byKind.filter(({ state }) => state === "open");
      return {
        open: sum(open),
        openProblems: sum(open.filter(({ severity }) => severity === "problem")),
        acknowledged: sum(byKind) - sum(open),
        byKind,
      };
    },
  );

  api.get(
    "/alarms/:id",
    {
      config: readingOne,
      schema: { tags, summary: "One alarm", params: IdParams, response: { 200: Alarm } },
    },
    async (request, reply) => {
      const alarm = await requireAlarm(request.params.id, accessOf(request));
      return reply.header("etag", etagOf(changedAtOf(alarm))).send(toAlarm(alarm));
    },
  );

  api.post(
    "/alarms/:id/acknowledge",
    {
      config: acknowledging,
      schema: {
        tags,
        summary: "Says that somebody has seen an alarm",
        description:
          "An alarm about something that happened is settled by this; the next occurrence is another alarm. " +
          "One that goes on stays until it ends by itself. With `If-Match`, only as it was seen: another occurrence makes it another.",
        params: IdParams,
        body: AcknowledgeBody,
        response: { 200: Alarm },
      },
    },
    async (request, reply) => {
      const { comment } = request.body;
      const access = accessOf(request);
      const alarm = await requireAlarm(request.params.id, access);
      const { who } = access;
      await store.durable(async (tx) => {
        const now = (await findAlarmAnywhere(tx, alarm.id)) ?? alarm;
        if (stateOfAlarm(now) !== "open") throw new Problem("alarm_not_open", whyNotOpen(now));
        requireMatch(request, changedAtOf(now));
        const by = { byId: who.id ?? "", byName: who.name, comment };
        if (!(await acknowledgeAlarm(tx, feed, alarm, by, clock.now()))) throw new Problem("alarm_not_open");
        audit.record(tx, {
          tenantId: alarm.tenant_id,
          action: "alarm.acknowledge",
          outcome: "done",
          origin: originOf(request),
          target: { kind: "alarm", id: alarm.id, name: alarm.kind },
          why: comment,
          details: { kind: alarm.kind, ...(alarm.agent_id !== null && { agentId: alarm.agent_id }) },
        });
      });
      const after = await requireAlarm(alarm.id, access);
      return reply.header("etag", etagOf(changedAtOf(after))).send(toAlarm(after));
    },
  );

  async function requireAlarm(id: string, access: RequestAccess): Promise<ListedAlarm> {
    const alarm = await findAlarmAnywhere(store.reads, id);
    if (alarm === undefined) throw new Problem("not_found");
    if (alarm.tenant_id !== null) access.requireTenant(alarm.tenant_id);
    else if (access.reach() !== "everywhere") throw new Problem("not_found");
    return alarm;
  }
}

function toAlarm(row: ListedAlarm): Static<typeof Alarm> {
  const { title, advice, lasts } = alarmKinds[row.kind];
  return {
    id: row.id,
    kind: row.kind,
    severity: row.severity,
    state: stateOfAlarm(row),
    tenant: row.tenant_id === null ? null : { id: row.tenant_id, name: row.tenant_name ?? "" },
    agent: row.agent_id === null ? null : { id: row.agent_id, hostName: row.name_now ?? row.host_name ?? "" },
    title,
    advice,
    data: JSON.parse(row.data) as Static<typeof Alarm>["data"],
    lasts,
    count: row.count,
    raisedAt: toRfc3339(row.raised_at),
    lastAt: toRfc3339(row.last_at),
    changedAt: toRfc3339(changedAtOf(row)),
    acknowledged: acknowledgedOf(row),
    resolvedAt: toRfc3339OrNull(row.resolved_at),
  };
}

/** When something about it changed last: it happened again, somebody acknowledged it, it ended. */
function changedAtOf({ last_at, acknowledged_at, resolved_at }: ListedAlarm): number {
  return Math.max(last_at, acknowledged_at ?? 0, resolved_at ?? 0);
}

/** Whoever comes second reads what the first one found out. */
function whyNotOpen({ acknowledged_at, acknowledged_by_name, comment }: ListedAlarm): string {
  if (acknowledged_at === null) return "It has ended by itself meanwhile.";
  return `${acknowledged_by_name ?? "Somebody"} has acknowledged it meanwhile: ${JSON.stringify(comment ?? "")}`;
}

function acknowledgedOf(row: ListedAlarm): Static<typeof Alarm>["acknowledged"] {
  if (row.acknowledged_at === null) return null;
  const by = { id: row.acknowledged_by_id ?? "", name: row.acknowledged_by_name ?? "" };
  return { at: toRfc3339(row.acknowledged_at), by, comment: row.comment ?? "" };
}
