import { randomBytes, randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import type { Facts, ProtectionState } from "@postern/protocol";
import { listedRow } from "../../packages/cluster/src/agents/listed.ts";
import { labelLine, searchColumns } from "../../packages/cluster/src/agents/search-columns.ts";
import { queryPostgres } from "../../packages/cluster/src/test-database.fixture.ts";

type Row = Readonly<Record<string, string | number | null>>;

/** Puts rows into a table past the cluster, whatever the engine. */
export type Insert = (table: string, rows: readonly Row[]) => Promise<void>;

/** A tenant to fill, and how many agents it gets. */
export interface FleetTenant {
  readonly id: string;
  /** Its profiles; agents have them in turns. */
  readonly profiles: readonly { readonly id: string; readonly isOn: boolean; readonly changedAt: number }[];
  readonly agents: number;
}

const sites = ["berlin", "lyon", "oslo", "porto", "quito", "riga", "sofia", "turin"];
const uses = ["fin", "hr", "ops", "dev", "lab"];
const versions = ["1.4.0", "1.9.2", "1.10.0", "1.10.1", "2.0.0-beta.3", "2.0.0"];
const platforms = [
  "windows",
  "windows",
  "windows",
  "linux",
  "windows",
  "macos",
  "windows",
  "aix",
  "linux",
  "windows",
] as const;

/**
 * Fills a cluster's database with agents as years of use would: host names of a scheme, two or three labels, some that are
 * silent, a few lifted, a few that have not applied the newest config.
 *
 * @returns the agents' ids
 */
export async function seedFleet(
  insert: Insert,
  tenants: readonly FleetTenant[],
  now: number,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const tenant of tenants) {
    for (let first = 0; first < tenant.agents; first += rowsAtOnce) {
      const numbers = Array.from({ length: Math.min(rowsAtOnce, tenant.agents - first) }, (_, i) => first + i);
      const made = numbers.map((n) => agentOf(tenant, n, now));
      ids.push(...made.map(({ agent }) => agent.id));
      await insert(
        "agent",
        made.map(({ agent }) => agent),
      );
      await insert(
        "listed_agent",
        made.map(({ agent }) => ({ ...listedRow({ ...whatListShows, ...agent }) })),
      );
      await insert(
        "agent_label",
        made.flatMap(({ labels }) => labels),
      );
      await insert(
        "presence",
        made.map(({ presence }) => presence),
      );
    }
  }
  return ids;
}

const rowsAtOnce = 2_000;

/** What no agent of this fleet has: nobody has said anything of them. */
const whatListShows = { standing: "normal", decommission_at: null, would_drop_profile_id: null } as const;

function agentOf(tenant: FleetTenant, n: number, now: number) {
  // Spread, so that neighbours in the order of enrolment are none in any other.
  const mixed = (n * 7_919 + 13) % 1_000_003;
  const pick = <Value>(values: readonly Value[], by: number) => values[by % values.length] as Value;
  const platform = pick(platforms, mixed);
  const [site, use] = [pick(sites, mixed >> 3), pick(uses, mixed >> 5)];
  const facts: Facts = {
    hostName: `${platform === "windows" ? "WS" : "SRV"}-${use.toUpperCase()}-${String(mixed % 100_000).padStart(5, "0")}.${site}.example`,
    platform,
    osVersion: platform === "windows" ? "10.0.20348" : "6.12.48",
    arch: "x64",
    agentVersion: pick(versions, mixed >> 4),
    machineId: randomUUID(),
    addresses: [
      `10.${mixed % 200}.${(n >> 8) & 255}.${n & 255}`,
      `fe80::${randomBytes(2).toString("hex")}:${n.toString(16)}`,
    ],
  };
  const profile = pick(tenant.profiles, mixed >> 2);
  const state: ProtectionState =
    platform !== "windows" ? "unsupported" : !profile.isOn ? "off" : n % 211 === 0 ? "lifted" : "on";
  const enrolledAt = now - (tenant.agents - n) * 60_000;
  const id = uuidV7(enrolledAt);
  const labels = [
    `env:${pick(["prod", "prod", "test", "dev"], mixed >> 1)}`,
    `site:${site}`,
    `team:${mixed % 40}`,
  ].slice(0, 2 + (n & 1));
  const layers = { service: "ok", key: "ok", process: "ok", files: "ok", recovery: "ok", environment: "ok" };
  return {
    agent: {
      id,
      tenant_id: tenant.id,
      platform,
      ...searchColumns(facts),
      label_text: labels.map(labelLine).join(""),
      facts: JSON.stringify(facts),
      identity_key: randomBytes(32).toString("base64url"),
      identity_thumbprint: randomBytes(32).toString("base64url"),
      enrolled_at: enrolledAt,
      profile_id: profile.id,
      assigned_at: profile.changedAt,
      revision_lead: 0,
      protection_state: state,
      protection: JSON.stringify({ state, since: enrolledAt, layers: platform === "windows" ? layers : {} }),
      applied_rev: profile.changedAt - (n % 97 === 0 ? 1_000 : 0),
      refused_rev: null,
      refused_code: null,
      bundle_ver: 1,
      labels_changed_at: enrolledAt,
    },
    labels: labels.map((label) => ({ agent_id: id, tenant_id: tenant.id, label })),
    presence: {
      agent_id: id,
      boot: 1,
      n: 1,
      seen_at: now,
      due_at: now + (mixed % 40 === 0 ? -86_400_000 : 86_400_000),
    },
  };
}

function uuidV7(at: number): string {
  const time = at.toString(16).padStart(12, "0");
  const random = randomBytes(10).toString("hex");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 18)}`;
}

export function insertIntoSqlite(file: string): Insert & { close(): void } {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  const insert: Insert = async (table, rows) => {
    const columns = Object.keys(rows[0] ?? {});
    const values = columns.map((name) => `value ->> '${name}'`).join(", ");
    database
      .prepare(`insert into ${table} (${columns.join(", ")}) select ${values} from json_each(?)`)
      .run(JSON.stringify(rows));
  };
  return Object.assign(insert, { close: () => database.close() });
}

export function insertIntoPostgres(url: string): Insert {
  return async (table, rows) => {
    const columns = Object.keys(rows[0] ?? {}).join(", ");
    const json = JSON.stringify(rows).replaceAll("'", "''");
    await queryPostgres(
      url,
      `insert into ${table} (${columns}) select ${columns} from json_populate_recordset(null::${table}, '${json}')`,
    );
  };
}
