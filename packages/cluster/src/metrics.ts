import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { Type } from "typebox";
import { createFacetCounts, type FacetCounts } from "./agents/facet-counts.ts";
import type { Clock } from "./clock.ts";
import { acrossTenants } from "./db/tenant-guard.ts";
import { alarmKindNames, alarmKinds } from "./events/alarm-kinds.ts";
import { countAlarms } from "./events/alarm-list.ts";
import type { Server } from "./http/server.ts";
import type { Db } from "./schema.ts";
import { redemptionVerdicts } from "./tokens/tables.ts";
import { tokenKinds } from "./tokens/views.ts";

export interface MetricsServices {
  readonly registry: Registry;
  readonly reads: Db;
  readonly clock: Clock;
  readonly version: string;
  /** Check-ins that this node holds. */
  readonly countHeld: () => number;
}

let ofProcess: Registry | undefined;

/** Processor, memory, files, event loop, garbage collection: a process has them once, however many nodes a test starts in it. */
function processMetrics(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/**
 * `/metrics`: the node and its cluster in Prometheus' text format, to whoever may read all tenants.
 *
 * What is counted in the database is the same at every node. It is counted when somebody asks, so nothing is counted for nobody.
 */
export function metricsRoute(app: Server, services: MetricsServices): void {
  const { registry, reads, clock, version, countHeld } = services;
  const ofThisProcess = processMetrics();
  const registers = [registry];
  const build = new Gauge({
    name: "postern_build_info",
    help: "1, with the version that this node runs.",
    labelNames: ["version"],
    registers,
  });
  build.set({ version }, 1);
  new Gauge({
    name: "postern_held_check_ins",
    help: "Check-ins that this node holds until there is something new for their agents.",
    registers,
    collect() {
      this.set(countHeld());
    },
  });
  countedAgents(registry, createFacetCounts(reads, clock));
  countedAlarms(registry, reads);
  countedTokens(registry, reads);

  app.get(
    "/metrics",
    {
      config: { access: { permission: "metrics.read", scope: "cluster" } },
      schema: {
        tags: ["health"],
        summary: "The node and its cluster in figures, in Prometheus' text format",
        produces: ["text/plain"],
        response: { 200: Type.String({ examples: ['postern_agents{state="active"} 31\n'] }) },
      },
    },
    async (_request, reply) => {
      const texts = await Promise.all([ofThisProcess.metrics(), registry.metrics()]);
      return reply.type(registry.contentType).send(texts.join(""));
    },
  );
}

/** The facets of the whole cluster; the first of these to be asked brings those of the others. */
function countedAgents(registry: Registry, facets: FacetCounts): void {
  const counts = () => facets.of({}, "everywhere");
  const registers = [registry];
  new Gauge({
    name: "postern_agents",
    help: "Agents of the cluster by state.",
    labelNames: ["state"],
    registers,
    async collect() {
      for (const { value, count } of (await counts()).state) this.set({ state: value }, count);
    },
  });
  new Gauge({
    name: "postern_agents_by_platform",
    help: "Agents of the cluster by platform.",
    labelNames: ["platform"],
    registers,
    async collect() {
      for (const { value, count } of (await counts()).platform) this.set({ platform: value }, count);
    },
  });
  new Gauge({
    name: "postern_agents_by_protection",
    help: "Agents of the cluster by what they report of service protection; would_drop counts beside it.",
    labelNames: ["protection"],
    registers,
    async collect() {
      for (const { value, count } of (await counts()).protection) this.set({ protection: value }, count);
    },
  });
  new Gauge({
    name: "postern_agents_by_version",
    help: "Agents of the cluster by agent version; the most frequent ones.",
    labelNames: ["version"],
    registers,
    async collect() {
      this.reset();
      for (const { value, count } of (await counts()).version) this.set({ version: value }, count);
    },
  });
}

function countedAlarms(registry: Registry, reads: Db): void {
  new Gauge({
    name: "postern_alarms",
    help: "Alarms of the cluster that are open, or go on although somebody has acknowledged them.",
    labelNames: ["kind", "severity", "state"],
    registers: [registry],
    async collect() {
      const counted = await countAlarms(reads, "everywhere");
      this.reset();
      // A rule on a series that comes and goes misses its beginning.
      for (const kind of alarmKindNames) this.set({ kind, severity: alarmKinds[kind].severity, state: "open" }, 0);
      for (const { kind, severity, state, count } of counted) this.set({ kind, severity, state }, count);
    },
  });
}

const why = "the figures of the whole cluster are for those who may read all tenants";

function countedTokens(registry: Registry, reads: Db): void {
  new Counter({
    name: "postern_agent_tokens_issued_total",
    help: "Agent tokens that the cluster has issued, by kind.",
    labelNames: ["kind"],
    registers: [registry],
    async collect() {
      const query = reads.selectFrom("agent_token").select((row) => ["kind", row.fn.countAll().as("count")]);
      const rows = await acrossTenants(query.groupBy("kind"), why).execute();
      this.reset();
      for (const kind of tokenKinds) this.inc({ kind }, 0);
      for (const { kind, count } of rows) this.inc({ kind }, Number(count));
    },
  });
  new Counter({
    name: "postern_agent_tokens_redeemed_total",
    help: "Redemptions that agents have reported; one token may be redeemed by many.",
    labelNames: ["verdict"],
    registers: [registry],
    async collect() {
      const query = reads.selectFrom("redemption").select((row) => ["verdict", row.fn.countAll().as("count")]);
      const rows = await acrossTenants(query.groupBy("verdict"), why).execute();
      this.reset();
      for (const verdict of redemptionVerdicts) this.inc({ verdict }, 0);
      for (const { verdict, count } of rows) this.inc({ verdict }, Number(count));
    },
  });
}
