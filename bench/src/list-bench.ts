import { Agent, request } from "node:http";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { agentSortFields } from "../../packages/cluster/src/agents/agent-page.ts";
import { agentLimits } from "../../packages/cluster/src/agents/limits.ts";
import { startPostgresServer } from "../../packages/cluster/src/postgres-server.fixture.ts";
import { queryPostgres } from "../../packages/cluster/src/test-database.fixture.ts";
import { call, logInAsAdmin } from "../../packages/cluster/test/http-client.ts";
import { type RunningCluster, startCluster } from "../../packages/cluster/test/running-cluster.ts";
import { type FleetTenant, type Insert, insertIntoPostgres, insertIntoSqlite, seedFleet } from "./list-fleet.ts";
import { median } from "./median.ts";
import type { Table } from "./table.ts";

/** Tenants of the cluster and their agents: 100,000 in all. */
const tenantSizes = [60_000, 30_000, 10_000];

interface Subject {
  readonly name: string;
  readonly url: string;
  readonly tenants: readonly FleetTenant[];
  /** Of some agents, in all parts of the list. */
  readonly ids: readonly string[];
  /** Headers of who sees every tenant, and of who sees the second one only. */
  readonly everywhere: Readonly<Record<string, string>>;
  readonly oneTenant: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** A question that is put again and again. `{n}` is another number each time, so that no answer is one of before. */
interface Question {
  readonly name: string;
  readonly path: string;
  readonly by?: "everywhere" | "oneTenant";
  /** Follows the cursor this many pages before it is measured. */
  readonly pagesOn?: number;
}

const searched: readonly Question[] = [
  { name: "a host name", path: "q=fin-{n}" },
  { name: "a host name's middle", path: "q=-0{n}." },
  { name: "many", path: "q=example" },
  { name: "none", path: "q=nowhere{n}" },
  { name: "an address", path: "q=10.7.{n}" },
  { name: "a label", path: "q=team:7" },
  { name: "an id", path: "q={id}" },
  { name: "an id's beginning", path: "q={idStart}" },
];

/** Each sort of all agents and of most of them, far into the list; and each search: of all tenants and of one. */
const combined: readonly Question[] = (["everywhere", "oneTenant"] as const).flatMap((by) => {
  const of = by === "oneTenant" ? ", one tenant" : "";
  const sorted = agentSortFields.flatMap((field) => [
    { name: `sort ${field}, page 10${of}`, path: `/agents?sort=${field}`, by, pagesOn: 10 },
    { name: `active, sort -${field}, page 5${of}`, path: `/agents?state=active&sort=-${field}`, by, pagesOn: 5 },
  ]);
  const words = searched.flatMap(({ name, path }) => [
    { name: `search ${name}${of}`, path: `/agents?${path}`, by },
    { name: `inactive, search ${name}, sort version${of}`, path: `/agents?${path}&state=inactive&sort=version`, by },
  ]);
  return [...sorted, ...words];
});

const questions: readonly Question[] = [
  { name: "first page", path: "/agents" },
  { name: "page 20", path: "/agents", pagesOn: 20 },
  { name: "page of 500", path: "/agents?limit=500" },
  { name: "one tenant", path: "/agents", by: "oneTenant" },
  { name: "sort -hostName", path: "/agents?sort=-hostName" },
  { name: "sort -enrolledAt", path: "/agents?sort=-enrolledAt" },
  { name: "sort platform", path: "/agents?sort=platform" },
  { name: "sort version", path: "/agents?sort=version" },
  { name: "sort -protection", path: "/agents?sort=-protection" },
  { name: "sort profile", path: "/agents?sort=profile" },
  { name: "sort profile, page 5", path: "/agents?sort=profile", pagesOn: 5 },
  { name: "sort version, one tenant", path: "/agents?sort=version", by: "oneTenant" },
  { name: "search, many", path: "/agents?q=berlin" },
  { name: "search, sort version", path: "/agents?q=berlin&sort=version" },
  { name: "platform aix", path: "/agents?platform=aix" },
  { name: "platforms, sort platform", path: "/agents?platform=aix&platform=macos&sort=platform" },
  { name: "inactive", path: "/agents?state=inactive" },
  { name: "inactive, sort version", path: "/agents?state=inactive&sort=version" },
  { name: "active, sort profile", path: "/agents?state=active&sort=profile" },
  { name: "lifted", path: "/agents?protection=lifted" },
  { name: "would drop (none)", path: "/agents?protection=would_drop" },
  { name: "version", path: "/agents?version=1.4.0" },
  { name: "version, none", path: "/agents?version=0.0.{n}" },
  { name: "label", path: "/agents?label=team:7" },
  { name: "label, none", path: "/agents?label=team:x{n}" },
  { name: "labels, sort -enrolledAt", path: "/agents?label=team:7&label=site:oslo&sort=-enrolledAt" },
  { name: "protection gaps", path: "/agents?view=protection_gaps" },
  { name: "protection gaps, sort profile", path: "/agents?view=protection_gaps&sort=profile" },
  { name: "cut off", path: "/agents?view=cut_off" },
  { name: "cut off, sort version", path: "/agents?view=cut_off&sort=version" },
  {
    name: "all filters at once",
    path: "/agents?q=fin&platform=windows&state=inactive&protection=on&version=1.10.0&label=env:prod&sort=version",
  },
  ...combined,
  { name: "facets", path: "/agents/facets?version=0.0.{n}" },
  { name: "facets, one tenant", path: "/agents/facets?version=0.0.{n}", by: "oneTenant" },
  { name: "facets of a search", path: "/agents/facets?q=fin-{n}" },
  { name: "facets, asked again", path: "/agents/facets" },
];

/**
 * How long the list of agents takes to answer over HTTP with 100,000 agents, one request after the other, on each engine;
 * and how long a change of intents takes that every agent of the largest tenant is looked at for.
 */
export async function listBench(rounds: number): Promise<Table> {
  const subjects = [await startOnSqlite(), await startOnPostgres()];
  try {
    const rows: (string | number)[][] = [];
    for (const question of questions) {
      const figures: number[] = [];
      for (const subject of subjects) {
        const times = await timesOf(subject, question, rounds);
        figures.push(median(times), percentile(times, 0.99));
      }
      rows.push([question.name, ...figures]);
    }
    const exported: number[] = [];
    const changed: IntentTimes[] = [];
    for (const subject of subjects) {
      exported.push(await timeOf(subject, { path: "/agents?format=csv", headers: subject.everywhere }));
      changed.push(await timeOfIntents(subject).catch(notDone));
    }
    // Once each: both columns of an engine say the same.
    rows.push(["all as CSV, once", ...exported.flatMap((ms) => [ms, ms])]);
    rows.push(["an intent that moves all of 60,000, once", ...changed.flatMap(({ all }) => [all, all])]);
    rows.push(["an intent that moves none of 60,000, once", ...changed.flatMap(({ none }) => [none, none])]);
    rows.push(["an intent that moves 7,500 of 60,000, once", ...changed.flatMap(({ some }) => [some, some])]);
    rows.push(["its end, which moves them back, once", ...changed.flatMap(({ back }) => [back, back])]);
    const columns = subjects.flatMap(({ name }) => [`${name}: median ms`, "p99 ms"]);
    return { columns: ["100,000 agents", ...columns], rows };
  } finally {
    for (const subject of subjects) await subject.stop();
  }
}

const sockets = new Agent({ keepAlive: true });
let counter = 0;

async function timesOf(subject: Subject, { path, by, pagesOn = 0 }: Question, rounds: number): Promise<number[]> {
  const headers = subject[by ?? "everywhere"];
  let cursor = "";
  for (let page = 0; page < pagesOn; page++) {
    const answer = await ask(subject, { path: `${path}${cursor}`, headers });
    cursor = `${path.includes("?") ? "&" : "?"}cursor=${(JSON.parse(answer) as { nextCursor: string }).nextCursor}`;
  }
  const times: number[] = [];
  for (let round = -3; round < rounds; round++) {
    counter += 1;
    const ms = await timeOf(subject, { path: `${fill(path, subject.ids)}${cursor}`, headers });
    if (round >= 0) times.push(ms); // the first ones warm up
  }
  return times;
}

/** Puts what is asked for into a path: the next number, or the next id of an agent. */
function fill(path: string, ids: readonly string[]): string {
  const id = ids[counter % ids.length] ?? "";
  return path
    .replace("{n}", String(counter % 100))
    .replace("{idStart}", id.slice(0, 13))
    .replace("{id}", id);
}

interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

async function timeOf(subject: Subject, what: Ask): Promise<number> {
  const started = performance.now();
  await ask(subject, what);
  return performance.now() - started;
}

function ask({ url }: Subject, { method = "GET", path, headers, body }: Ask): Promise<string> {
  const json = body === undefined ? undefined : JSON.stringify(body);
  const all = { ...headers, ...(json !== undefined && { "content-type": "application/json" }) };
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}/api/v1${path}`, { method, agent: sockets, headers: all }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if ((response.statusCode ?? 500) < 300) resolve(text);
        else reject(new Error(`${method} ${path} answered ${response.statusCode}: ${text.slice(0, 500)}`));
      });
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(json);
  });
}

/** Milliseconds until every agent has followed, of changes that move all, none or some of a tenant's agents. */
interface IntentTimes {
  readonly all: number;
  readonly none: number;
  readonly some: number;
  readonly back: number;
}

/** Every agent of the tenant is looked at again; rows are written for those that move. */
async function timeOfIntents(subject: Subject): Promise<IntentTimes> {
  const [{ id: tenantId, profiles } = { id: "", profiles: [] }] = subject.tenants;
  const headers = subject.everywhere;
  const intents: { readonly id: string; readonly profileId: string | undefined; readonly filter: object }[] = [];
  const add = async (filter: object): Promise<void> => {
    const body = { tenantId, name: `intent ${intents.length}`, profileId: profiles.at(-1)?.id, filter };
    const made = await ask(subject, { method: "POST", path: "/intents", headers, body });
    const { id } = JSON.parse(made) as { id: string };
    intents.push({ id, profileId: body.profileId, filter });
  };
  const removeLast = async (): Promise<void> => {
    await ask(subject, { method: "DELETE", path: `/intents/${intents.pop()?.id}`, headers });
  };
  // The answer to a change comes before the end of a very long one.
  const untilFollowed = async (): Promise<void> => {
    const body = { tenantId, intents: intents.map(({ profileId, filter }) => ({ profileId, filter })) };
    const preview = { method: "POST", path: "/intents/preview", headers, body };
    while ((JSON.parse(await ask(subject, preview)) as { moved: number }).moved > 0) await setTimeout(100);
  };
  const time = async (change: () => Promise<void>): Promise<number> => {
    const started = performance.now();
    await change();
    const answeredMs = performance.now() - started;
    await untilFollowed();
    return answeredMs < agentLimits.followUpAwaitedMs ? answeredMs : performance.now() - started;
  };
  return {
    // The fleet's profiles were given without any intents: with the first of them they go by the intents.
    all: await time(() => add({ hostName: "nobody*" })),
    none: await time(() => add({ hostName: "nobody-at-all*" })),
    some: await time(() => add({ labels: ["site:berlin"] })),
    back: await time(removeLast),
  };
}

/** A machine that is too slow for the time that a change may take: the other figures are worth having all the same. */
function notDone(error: Error): IntentTimes {
  console.error(error.message);
  return { all: Number.NaN, none: Number.NaN, some: Number.NaN, back: Number.NaN };
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

async function startOnSqlite(): Promise<Subject> {
  const cluster = await startCluster();
  const insert = insertIntoSqlite(join(cluster.directory, "data", "postern.db"));
  const subject = await subjectOf("SQLite", cluster, insert);
  insert.close();
  return { ...subject, stop: () => cluster.remove() };
}

async function startOnPostgres(): Promise<Subject> {
  const database = await startPostgresServer({ durable: true });
  const url = `${database.url}/postgres`;
  const cluster = await startCluster({ env: { DATABASE_URL: url } });
  const subject = await subjectOf("PostgreSQL", cluster, insertIntoPostgres(url));
  // What a server does by itself some minutes after such a change; this one has it switched off.
  await queryPostgres(url, "vacuum analyze");
  return {
    ...subject,
    async stop() {
      await cluster.remove();
      await database.stop();
    },
  };
}

async function subjectOf(name: string, cluster: RunningCluster, insert: Insert): Promise<Subject> {
  const admin = await logInAsAdmin(cluster);
  const tenants: FleetTenant[] = [];
  for (const [n, agents] of tenantSizes.entries()) {
    const { id } = await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name: `tenant ${n}` });
    const profiles: { id: string; isOn: boolean; changedAt: number }[] = [];
    for (const on of [true, false, true, true]) {
      const settings: object = { tenantId: id, name: `profile ${profiles.length}`, serviceProtection: { on } };
      const made: { id: string; changedAt: string } = await call(cluster, admin, "POST", "/profiles", settings);
      profiles.push({ id: made.id, isOn: on, changedAt: Date.parse(made.changedAt) });
    }
    tenants.push({ id, profiles, agents });
  }
  const bearer = async (role: string, tenantId: string | null) => {
    const body = { name: role, roles: [{ role, tenantId }] };
    const { key } = await call<{ key: string }>(cluster, admin, "POST", "/api-keys", body);
    return { authorization: `Bearer ${key}` };
  };
  // Before the fleet, which takes longer than a connection stays open that nothing is sent on.
  const everywhere = await bearer("site_admin", null);
  const oneTenant = await bearer("auditor", tenants[1]?.id ?? null);
  const ids = await seedFleet(insert, tenants, Date.now());
  return {
    name,
    url: cluster.url,
    tenants,
    ids: ids.filter((_, n) => n % 997 === 0),
    everywhere,
    oneTenant,
    stop: async () => {},
  };
}
