import { createHash, randomUUID } from "node:crypto";
import { enrol } from "../src/check-in/fake-agent.fixture.ts";
import type { Deployment } from "../src/config/config.ts";
import type { Role, RoleBinding } from "../src/identity/roles.ts";
import { adminPassword, startTestCluster, type TestCluster } from "../src/test-cluster.fixture.ts";
import { type JsonSchema, type Operation, pathWith, readOperations, sampleOf } from "./operations.ts";

/** The columns of the table of verdicts: a role, and where it is bound as seen from what the request is about. */
export const columns = [
  { name: "site_admin", role: "site_admin", place: "cluster" },
  { name: "support", role: "customer_support", place: "cluster" },
  { name: "auditor", role: "auditor", place: "cluster" },
  { name: "owner", role: "tenant_owner", place: "own" },
  { name: "installer", role: "agent_installer", place: "own" },
  { name: "t.auditor", role: "auditor", place: "own" },
  { name: "owner'", role: "tenant_owner", place: "other" },
  { name: "installer'", role: "agent_installer", place: "other" },
  { name: "t.auditor'", role: "auditor", place: "other" },
] as const satisfies readonly { name: string; role: Role; place: "cluster" | "own" | "other" }[];
export type Column = (typeof columns)[number];

/** Whose session and API key somebody else reaches for. */
const another: Column & { readonly name: string } = { ...columns[3], name: columns[3].name };

const password = "a sentence that nobody guesses";

/** Somebody with one role, logged in and with an API key that has the same role. */
interface Person {
  readonly name: string;
  readonly userId: string;
  readonly roles: readonly RoleBinding[];
  readonly sessionId: string;
  readonly apiKeyId: string;
  readonly byLogin: Readonly<Record<string, string>>;
  readonly byKey: Readonly<Record<string, string>>;
}

/** What a tenant has, by the collection in whose path its id stands; made when it is first asked for. */
type Things = Map<string, string>;

interface Tenant {
  readonly id: string;
  readonly things: Things;
  /** Ids and names that must not show in somebody else's lists. */
  readonly marks: string[];
}

/** One request of the table: an operation, for some also with what it is about. */
export interface Case {
  /** Its first words in the table. */
  readonly name: string;
  readonly operation: Operation;
  readonly body?: object;
  /** Of what is one's own, the path names another person's. */
  readonly isAnothers?: true;
}

/** A cluster with two tenants that have one of everything, and people of every role. */
export class WallsScene {
  readonly cluster: TestCluster;
  readonly operations: readonly Operation[];
  #admin: Readonly<Record<string, string>> = {};
  readonly #people = new Map<string, Person>();
  readonly #tenants = new Map<"own" | "other", Tenant>();

  static async open(deployment: Deployment): Promise<WallsScene> {
    const cluster = await startTestCluster({ deployment });
    const scene = new WallsScene(cluster, await readOperations(cluster.url));
    scene.#admin = (await scene.#logIn("admin", adminPassword)).headers;
    for (const place of ["own", "other"] as const) {
      const name = `tenant ${place} ${randomUUID()}`;
      const { id } = await scene.#post("/tenants", { name });
      scene.#tenants.set(place, { id, things: new Map([["tenants", id]]), marks: [id, name] });
    }
    const named = Object.keys(makers).filter((one) => scene.operations.some(({ path }) => path.includes(`/${one}/{`)));
    for (const collection of named) await scene.#thing("own", collection);
    return scene;
  }

  private constructor(cluster: TestCluster, operations: readonly Operation[]) {
    this.cluster = cluster;
    this.operations = operations;
  }

  close(): Promise<void> {
    return this.cluster.close();
  }

  /**
   * What somebody of the column is answered: `ok` for everything that is let through, also when it then fails for what it
   * says; `empty` for a list in which nothing of the tenant shows.
   */
  async verdict(case_: Case, column: Column, by: "login" | "key"): Promise<string> {
    const { operation } = case_;
    const isChange = operation.method !== "GET";
    // What a request changes must not decide how the next one is answered.
    const needsFresh = isChange && (operation.access.scope === "self" || operation.access.scope === "public");
    const person = needsFresh ? await this.#makePerson(column) : await this.#person(column);
    const headers = by === "login" ? person.byLogin : person.byKey;
    const answer = await this.#send(case_, headers, person, isChange);
    if (answer.verdict !== "ok" || operation.method !== "GET" || operation.access.scope === "public")
      return answer.verdict;
    return this.#read(operation, headers, column, answer.text);
  }

  /** What somebody is answered who is not logged in. */
  async verdictOnNobody(case_: Case): Promise<string> {
    const isOpen = case_.operation.access.scope === "public";
    const person = await (isOpen ? this.#makePerson(columns[0]) : this.#person(columns[0]));
    return (await this.#send(case_, {}, person, false)).verdict;
  }

  /** Bodies that say more than the operation's path. */
  cases(): Case[] {
    return this.operations.flatMap((operation): Case[] => {
      const variants = variantsOf(operation, (collection) => this.#own(collection));
      if (operation.access.scope === "self" && operation.pathParameters.length > 0) {
        const { name } = operation;
        return [
          { name, operation },
          { name: `${name} (another's)`, operation, isAnothers: true },
        ];
      }
      if (variants.length === 0) return [{ name: operation.name, operation }];
      return variants.map(({ word, body }) => ({ name: `${operation.name} (${word})`, operation, body }));
    });
  }

  async #send(case_: Case, headers: Readonly<Record<string, string>>, person: Person, isFresh: boolean) {
    const { operation } = case_;
    const subject = case_.isAnothers ? await this.#person(another) : person;
    const path = await this.#path(operation, subject, isFresh);
    const body = operation.body && (case_.body ?? (await this.#body(operation, person)));
    const given = queriesNeeded[operation.name] ?? "";
    const response = await fetch(`${this.cluster.url}${path}${given}`, {
      method: operation.method,
      redirect: "manual",
      headers: { ...headers, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const isEndless = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
    if (isEndless) await response.body?.cancel();
    const text = isEndless ? "" : await response.text();
    return { verdict: verdictOf(response.status, text, operation), text };
  }

  /** Whether an answer to the other tenant's people shows anything of the tenant. */
  async #read(
    operation: Operation,
    headers: Readonly<Record<string, string>>,
    { place }: Column,
    text: string,
  ): Promise<string> {
    const own = this.#tenants.get("own");
    if (place !== "other" || operation.pathParameters.length > 0) return "ok";
    if (isOfTheCluster(operation.path.split("/").at(-1) ?? "")) return "ok";
    if (own?.marks.some((mark) => text.includes(mark)) === true) return "LEAK";
    if (operation.query.includes("tenantId")) {
      const asked = await fetch(`${this.cluster.url}${operation.path}?tenantId=${own?.id}`, { headers });
      await asked.body?.cancel();
      if (asked.status !== 404) return `LEAK ${asked.status}`;
    }
    return operation.query.includes("cursor") || operation.query.includes("tenantId") ? "empty" : "ok";
  }

  async #path(operation: Operation, person: Person, isFresh: boolean): Promise<string> {
    const segments = operation.path.split("/");
    const values = new Map<string, string>();
    let within = "";
    for (const parameter of operation.pathParameters) {
      const collection = segments[segments.indexOf(`{${parameter}}`) - 1] ?? "";
      const isMine = operation.access.scope === "self";
      if (parameter === "use") values.set(parameter, "config");
      else if (isMine && collection === "sessions") values.set(parameter, person.sessionId);
      else if (isMine && collection === "api-keys") values.set(parameter, person.apiKeyId);
      else {
        const kind = within === "" ? collection : `${within}/${collection}`;
        values.set(parameter, await (isFresh ? this.#make("own", kind) : this.#thing("own", kind)));
      }
      within = collection;
    }
    return pathWith(operation, (parameter) => values.get(parameter) ?? "");
  }

  async #body(operation: Operation, person: Person): Promise<object> {
    const sample = sampleOf(operation.body ?? {}) as Record<string, unknown>;
    const known = operation.body?.properties ?? {};
    const filled: Record<string, unknown> = { ...sample };
    for (const [member, fill] of Object.entries(fillings)) {
      if (known[member] !== undefined)
        filled[member] = await fill((one) => this.#thing("own", one), person, known[member]);
    }
    return { ...filled, ...special[operation.name]?.(person) };
  }

  #own(collection: string): string {
    return this.#tenants.get("own")?.things.get(collection) ?? "";
  }

  async #thing(place: "own" | "other", collection: string): Promise<string> {
    const tenant = this.#tenants.get(place);
    if (tenant === undefined) throw new Error("no tenant");
    return tenant.things.get(collection) ?? this.#make(place, collection);
  }

  /** Makes one more, which is then the one that is asked for. */
  async #make(place: "own" | "other", collection: string): Promise<string> {
    const tenant = this.#tenants.get(place);
    const make = makers[collection];
    if (tenant === undefined || make === undefined) {
      throw new Error(`Say in makers of test/tenant-walls-scene.ts how one makes something in ${collection}.`);
    }
    const id = await make({
      tenantId: tenant.id,
      thing: (one) => this.#thing(place, one),
      post: (path, body) => this.#post(path, body),
      remove: (path) => this.#remove(path),
      cluster: this.cluster,
    });
    tenant.things.set(collection, id);
    tenant.marks.push(id);
    return id;
  }

  async #person(column: Column): Promise<Person> {
    const known = this.#people.get(column.name);
    if (known !== undefined) return known;
    const person = await this.#makePerson(column);
    this.#people.set(column.name, person);
    return person;
  }

  async #makePerson({ role, place }: Column): Promise<Person> {
    const tenantId = place === "cluster" ? null : (this.#tenants.get(place)?.id ?? null);
    const roles: RoleBinding[] = [{ role, tenantId }];
    const name = `${role} ${randomUUID()}`;
    const { id: userId } = await this.#post("/users", { name, password, roles });
    const { headers, sessionId } = await this.#logIn(name, password);
    const made = await this.#post("/api-keys", { name: "a key", roles }, headers);
    const byKey = { authorization: `Bearer ${made["key"]}` };
    return { name, userId, roles, sessionId, apiKeyId: made.id, byLogin: headers, byKey };
  }

  async #logIn(name: string, secret: string): Promise<{ headers: Record<string, string>; sessionId: string }> {
    const response = await fetch(`${this.cluster.url}/api/v1/session`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: this.cluster.url },
      body: JSON.stringify({ name, password: secret }),
    });
    const cookie = response.headers.getSetCookie()[0]?.split(";", 1)[0];
    if (cookie === undefined) throw new Error(`log-in answered ${response.status} ${await response.text()}`);
    const headers = { cookie, "sec-fetch-site": "same-origin" };
    const sessions = await fetch(`${this.cluster.url}/api/v1/sessions`, { headers });
    const { items } = (await sessions.json()) as { items: { id: string }[] };
    return { headers, sessionId: items[0]?.id ?? "" };
  }

  async #remove(path: string): Promise<void> {
    const response = await fetch(`${this.cluster.url}/api/v1${path}`, { method: "DELETE", headers: this.#admin });
    if (!response.ok) throw new Error(`DELETE ${path}: ${response.status} ${await response.text()}`);
  }

  async #post(path: string, body: object, headers = this.#admin): Promise<{ id: string } & Record<string, unknown>> {
    const response = await fetch(`${this.cluster.url}/api/v1${path}`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }
}

/** @throws {Error} when the request was no request to judge by: then the table would say nothing about access */
function verdictOf(status: number, text: string, { name, access }: Operation): string {
  const isAgents = access.scope === "agent";
  if (status === 400 && !isAgents) throw new Error(`${name}: give it a body that fits, in special. ${text}`);
  if (status >= 500) throw new Error(`${name} failed: ${text}`);
  if ([401, 403, 404].includes(status)) return String(status);
  return "ok";
}

interface Making {
  readonly tenantId: string;
  thing(collection: string): Promise<string>;
  post(path: string, body: object): Promise<{ id: string } & Record<string, unknown>>;
  remove(path: string): Promise<void>;
  readonly cluster: TestCluster;
}

/** How one makes something that the id in a path can name, by the collection before it. */
const makers: Readonly<Record<string, (making: Making) => Promise<string>>> = {
  tenants: async ({ tenantId }) => tenantId, // the same again: everything else is in it
  users: async ({ tenantId, post }) =>
    (await post("/users", { name: `user ${randomUUID()}`, password, roles: [{ role: "auditor", tenantId }] })).id,
  "users/roles": async ({ tenantId, thing, post }) => {
    const { roles } = await post(`/users/${await thing("users")}/roles`, { role: "agent_installer", tenantId });
    return (roles as { id: string }[]).at(-1)?.id ?? "";
  },
  "activation-keys": async ({ tenantId, post }) => (await post("/activation-keys", { tenantId })).id,
  tombstones: async ({ tenantId, post, cluster, remove }) => {
    const { key } = await post("/activation-keys", { tenantId });
    const { agentId } = await enrol(cluster.url, String(key), { hostName: `gone-${randomUUID().slice(0, 8)}` });
    await remove(`/agents/${agentId}`);
    return agentId;
  },
  agents: async ({ tenantId, post, cluster }) => {
    const { key } = await post("/activation-keys", { tenantId });
    const agent = await enrol(cluster.url, String(key), { hostName: `ws-${randomUUID().slice(0, 8)}` });
    agent.journal("service_started");
    await agent.checkIn({ applied: { rev: 0 } });
    await post("/agent-tokens", { kind: "agent", agentId: agent.agentId, reason: "a test" });
    return agent.agentId;
  },
  profiles: async ({ tenantId, post }) => (await post("/profiles", { tenantId, name: `p ${randomUUID()}` })).id,
  intents: async ({ tenantId, thing, post }) =>
    (await post("/intents", { tenantId, name: `i ${randomUUID()}`, profileId: await thing("profiles") })).id,
  "agent-tokens": async ({ thing, post }) =>
    (await post("/agent-tokens", { kind: "agent", agentId: await thing("agents"), reason: "a test" })).id,
  alarms: async ({ tenantId, cluster }) => {
    const id = `019a0000-0000-7000-8000-${randomUUID().slice(24)}`;
    await cluster.database.query(
      `insert into alarm (id, tenant_id, agent_id, kind, severity, subject, raised_at, last_at, count, data)
       values ('${id}', '${tenantId}', null, 'lift_overdue', 'problem', '${id}', 1, 1, 1, '{}')`,
    );
    return id;
  },
  "agent-packages": async ({ cluster }) => (await makePackage(cluster)).id,
  packages: async ({ cluster }) => (await makePackage(cluster)).digest,
  keys: async ({ post }) => {
    const made = await post("/keys/config/rotate", { reason: "a test" });
    return (made["made"] as { kid: string }).kid;
  },
};

/** Packages are no tenant's: who may read them anywhere reads them all. */
function isOfTheCluster(collection: string): boolean {
  return collection === "agent-packages" || collection === "packages";
}

/** A package of one byte, whose bytes nobody looks at. */
async function makePackage({ database }: TestCluster): Promise<{ id: string; digest: string }> {
  const id = randomUUID();
  const sha256 = createHash("sha256").update(id).digest("hex");
  await database.query(
    `insert into agent_package (id, platform, arch, version, version_order, sha256, size, added_at, added_by_name)
     values ('${id}', 'windows', 'x64', '${id}', '${id}', '${sha256}', 1, 1, 'a test')`,
  );
  const content = database.url === null ? "x'00'" : "'\\x00'";
  await database.query(`insert into agent_package_part (package_id, n, content) values ('${id}', 0, ${content})`);
  return { id, digest: Buffer.from(sha256, "hex").toString("base64url") };
}

type Filling = (thing: (collection: string) => Promise<string>, person: Person, schema: JsonSchema) => Promise<unknown>;

/** Members of bodies that must name something that is there. */
const fillings: Readonly<Record<string, Filling>> = {
  tenantId: (thing) => thing("tenants"),
  agentId: (thing) => thing("agents"),
  agentIds: async (thing) => [await thing("agents")],
  profileId: (thing) => thing("profiles"),
  intentIds: async (thing) => [await thing("intents")],
  name: async () => `n ${randomUUID()}`,
  password: async () => password,
  newPassword: async () => "another sentence that nobody guesses",
  roles: async (thing) => [{ role: "auditor", tenantId: await thing("tenants") }],
  role: async () => "agent_installer",
  heads: async (thing) => [{ tenantId: await thing("tenants"), seq: 1, hash: "0".repeat(64) }],
};

/** Operations whose body is about who sends it. */
const special: Readonly<Record<string, (person: Person) => object>> = {
  "POST /api/v1/session": ({ name }) => ({ name, password }),
  "POST /api/v1/api-keys": ({ roles }) => ({ roles }),
};

/** What an operation must be asked besides its path. */
const queriesNeeded: Readonly<Record<string, string>> = {
  "GET /api/v1/audit/retention": "?before=2026-01-01T00:00:00.000Z",
};

/** Operations that are allowed or not by what is in the body, with a row for each. */
function variantsOf(operation: Operation, own: (collection: string) => string): { word: string; body: object }[] {
  if (!/\/agent-tokens(\/preview)?$/.test(operation.path) || operation.method !== "POST") return [];
  const why = operation.path.endsWith("/preview") ? {} : { reason: "a test" };
  return [
    { word: "kind agent", body: { kind: "agent", agentId: own("agents"), ...why } },
    { word: "kind tenant", body: { kind: "tenant", tenantId: own("tenants"), ...why } },
    { word: "kind cluster", body: { kind: "cluster", ...why } },
  ];
}
