import type { Db } from "../schema.ts";
import { findKeysByBundle, type KeysByBundle } from "./bundle-keys.ts";
import type { KeyUse } from "./tables.ts";

/** An agent as people know it. */
export interface NamedAgent {
  readonly id: string;
  readonly hostName: string;
  readonly tenant: { readonly id: string; readonly name: string };
}

/** What has to be known of agents here. `windowsOnly`: tokens are for Windows agents, configs for all. */
export interface AgentsByBundle {
  count(db: Db, windowsOnly: boolean): Promise<readonly { readonly version: number; readonly count: number }[]>;
  /** At most `limit` of those that have acknowledged one of these versions; by host name. */
  list(db: Db, windowsOnly: boolean, versions: readonly number[], limit: number): Promise<readonly NamedAgent[]>;
}

export interface AgentGroup {
  readonly count: number;
  /** The first of them by host name. */
  readonly agents: readonly NamedAgent[];
}

/** Who hangs on a key. */
export interface KeyReach {
  /** Agents that such a key is for. */
  readonly agents: number;
  readonly holding: number;
  /** They have acknowledged no trust bundle that has this key. */
  readonly notHolding: AgentGroup;
  /**
   * It is the only token key that they hold and that still signs: without it no token reaches them until they have been
   * connected. Never of a config key, whose successor comes with the answer that it signs.
   */
  readonly stranded: AgentGroup;
}

/** Agents that are named; the others are counted. */
const namedAgents = 100;

/** Who holds a key, and whom its loss would strand. */
export async function findKeyReach(
  db: Db,
  agentsByBundle: AgentsByBundle,
  { kid, use }: { readonly kid: string; readonly use: KeyUse },
): Promise<KeyReach> {
  const windowsOnly = use === "token";
  const counts = await agentsByBundle.count(db, windowsOnly);
  const keysByBundle = await findKeysByBundle(db);
  const usable = await findUsableTokenKeys(db);
  const holds = (version: number) => keysByBundle.get(version)?.includes(kid) ?? false;
  const group = async (belongs: (version: number) => boolean): Promise<AgentGroup> => {
    const groups = counts.filter(({ version }) => belongs(version));
    const versions = groups.map(({ version }) => version);
    const count = groups.reduce((sum, one) => sum + one.count, 0);
    const agents = count === 0 ? [] : await agentsByBundle.list(db, windowsOnly, versions, namedAgents);
    return { count, agents };
  };
  const notHolding = await group((version) => !holds(version));
  const agents = counts.reduce((sum, one) => sum + one.count, 0);
  return {
    agents,
    holding: agents - notHolding.count,
    notHolding,
    stranded: await group((version) => isStranded(keysByBundle, usable, version, kid)),
  };
}

/** How many agents the loss of a key would strand. */
export async function countStranded(db: Db, agentsByBundle: AgentsByBundle, kid: string): Promise<number> {
  const keysByBundle = await findKeysByBundle(db);
  const usable = await findUsableTokenKeys(db);
  const counts = await agentsByBundle.count(db, true);
  return counts.reduce(
    (sum, { version, count }) => sum + (isStranded(keysByBundle, usable, version, kid) ? count : 0),
    0,
  );
}

function isStranded(keysByBundle: KeysByBundle, usable: ReadonlySet<string>, version: number, kid: string): boolean {
  const held = (keysByBundle.get(version) ?? []).filter((one) => usable.has(one));
  return held.length === 1 && held[0] === kid;
}

async function findUsableTokenKeys(db: Db): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom("signing_key")
    .leftJoin("key_copy", "key_copy.kid", "signing_key.kid")
    .select("signing_key.kid")
    .where("use", "=", "token")
    .where("state", "!=", "compromised")
    .where("destroyed_at", "is", null)
    .execute();
  return new Set(rows.map((row) => row.kid));
}
