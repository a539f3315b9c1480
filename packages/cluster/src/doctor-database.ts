import { agentLimits } from "./agents/limits.ts";
import { linkOf } from "./audit/entry.ts";
import { type Finding, ok, problem, warning } from "./doctor-check.ts";
import type { KeyStore } from "./keys/key-store.ts";
import type { Db } from "./schema.ts";

const minute = 60_000;
const day = 24 * 60 * minute;

const databaseLimits = {
  /** Clocks of machines in one cluster differ by less, when they are set by the network. */
  clockWarningMs: 5_000,
  clockProblemMs: minute,
  /** Checkpoints are made each minute; a few may fail before somebody has to look. */
  checkpointMs: 5 * minute,
  /** No lease is taken for longer. */
  leaseMs: 60 * minute,
  apiKeyWarningMs: 14 * day,
  /** Time for a new trust bundle to reach every agent that is connected. */
  bundleMs: 60 * minute,
  /** Chains whose end is looked at; a cluster with more tenants has `postern audit verify`. */
  maxChains: 1_000,
} as const;

/** What the checks of a database know besides it. */
export interface DatabaseScene {
  readonly db: Db;
  readonly now: number;
  /** The database server's clock; null: it is this machine's. */
  readonly serverNow: number | null;
  /** Whether a node works on the database at this moment; null: that cannot be seen from here. */
  readonly isRunning: boolean | null;
  readonly keyStore: KeyStore | null;
}

/** Everything that the database can tell. */
export async function checkDatabase(scene: DatabaseScene): Promise<Finding[]> {
  const cluster = await scene.db.selectFrom("cluster").select("id").executeTakeFirst();
  if (cluster === undefined) {
    return [
      problem("cluster", "The database has no cluster.", "Make one with postern init, or name another database."),
    ];
  }
  return [
    await checkClock(scene),
    await checkKeys(scene),
    ...(await checkAuditLog(scene)),
    await checkLeases(scene),
    await checkApiKeys(scene),
    await checkActivationKeys(scene),
    await checkBundle(scene),
    await checkAgents(scene),
  ];
}

async function checkClock({ db, now, serverNow }: DatabaseScene): Promise<Finding> {
  const name = "clock";
  const next = "Let the network set the clocks (NTP): tokens and audit entries carry this machine's time.";
  if (serverNow !== null) {
    const apartMs = Math.abs(now - serverNow);
    const found = `This machine's clock and the database server's are ${Math.round(apartMs / 1000)} s apart.`;
    if (apartMs > databaseLimits.clockProblemMs) return problem(name, found, next);
    if (apartMs > databaseLimits.clockWarningMs) return warning(name, found, next);
  }
  const { newest } = await db
    .selectFrom("audit_entry")
    .select((row) => row.fn.max("at").as("newest"))
    .executeTakeFirstOrThrow();
  const aheadMs = Number(newest ?? 0) - now;
  if (aheadMs > databaseLimits.clockProblemMs) {
    return problem(
      name,
      `The newest audit entry is from ${Math.round(aheadMs / 1000)} s ahead of this machine's clock.`,
      next,
    );
  }
  return ok(name, "It agrees with the database.");
}

async function checkKeys({ db, keyStore }: DatabaseScene): Promise<Finding> {
  const name = "signing keys";
  const rows = await db
    .selectFrom("signing_key")
    .leftJoin("key_copy", "key_copy.kid", "signing_key.kid")
    .select(["signing_key.kid", "use", "state", "destroyed_at", "sealed"])
    .execute();
  if (keyStore === null) return warning(name, "They were not looked at.", "Let the key store open first.");
  const needed = rows.filter(
    ({ use, state, destroyed_at }) =>
      use !== "root" && (state === "active" || state === "retiring") && destroyed_at === null,
  );
  const here = new Set<string>();
  for (const { kid } of rows) if (await keyStore.has(kid)) here.add(kid);
  const missing = needed.filter(({ kid, sealed }) => !here.has(kid) && sealed === null);
  const [first] = missing;
  if (first !== undefined) {
    const found = `The ${first.use} key ${first.kid} is not on this node${missing.length > 1 ? `, nor ${missing.length - 1} more` : ""}.`;
    return problem(name, found, "Copy the folder keys from another node, or put it back from a backup.");
  }
  const opening = needed
    .filter(({ kid }) => here.has(kid))
    .map(async (key) => ((await opens(keyStore, key)) ? [] : [key]));
  const [damaged] = (await Promise.all(opening)).flat();
  if (damaged !== undefined) {
    const next = "Put its file back from a backup, or rotate the key.";
    return problem(name, `The ${damaged.use} key ${damaged.kid} does not open.`, next);
  }
  const roots = rows.filter(({ use, state, kid }) => use === "root" && state === "active" && here.has(kid));
  const where = roots.length === 0 ? "no root key is on this node" : "the root key is on this node";
  return ok(name, `All that are in use open; ${where}.`);
}

async function opens(
  keyStore: KeyStore,
  { kid, use }: { readonly kid: string; readonly use: Parameters<KeyStore["load"]>[1] },
): Promise<boolean> {
  try {
    await keyStore.load(kid, use);
    return true;
  } catch {
    return false;
  }
}

async function checkAuditLog({ db, now, isRunning }: DatabaseScene): Promise<Finding[]> {
  const heads = await db
    .selectFrom("audit_chain")
    .selectAll()
    .orderBy("chain")
    .limit(databaseLimits.maxChains)
    .execute();
  const wrong: string[] = [];
  for (const head of heads) if (!(await endsIn(db, head))) wrong.push(head.chain);
  const name = "audit log";
  const findings =
    wrong.length > 0
      ? [
          problem(
            name,
            `The chain ${wrong[0]} does not end in its head${wrong.length > 1 ? `, nor do ${wrong.length - 1} more` : ""}.`,
            "Somebody may have changed the database. Run postern audit verify, and keep a copy of the database as it is.",
          ),
        ]
      : [ok(name, "Each chain ends in its head; postern audit verify looks at all of it.")];
  const newest = await db.selectFrom("audit_checkpoint").select("at").orderBy("n", "desc").limit(1).executeTakeFirst();
  const ageMs = newest === undefined ? null : now - newest.at;
  const minutes = Math.round((ageMs ?? 0) / minute);
  const checkpoint = "checkpoints";
  if (ageMs === null) {
    const next = "The cluster makes one each minute while it runs. Look into its log.";
    findings.push(warning(checkpoint, "There is none yet.", next));
  } else if (isRunning !== false && ageMs > databaseLimits.checkpointMs && (await hasUnsigned(db))) {
    findings.push(
      problem(
        checkpoint,
        `The newest is ${minutes} min old, and there are entries after it.`,
        "Look into the log of the cluster for why it cannot sign: until it does, the end of the audit log can be cut unnoticed.",
      ),
    );
  } else findings.push(ok(checkpoint, "What was done until now is signed, or will be within a minute."));
  return findings;
}

async function endsIn(db: Db, { chain, seq, hash }: { chain: string; seq: number; hash: string }): Promise<boolean> {
  const [last, before] = await db
    .selectFrom("audit_entry")
    .select(["seq", "hash", "body"])
    .where("chain", "=", chain)
    .orderBy("seq", "desc")
    .limit(2)
    .execute();
  // A node may write meanwhile: then there is more than the head said, and it is read again below.
  if (last === undefined) return false;
  if (last.seq > seq) {
    const head = await db.selectFrom("audit_chain").selectAll().where("chain", "=", chain).executeTakeFirst();
    return head !== undefined && head.seq > seq && endsIn(db, head);
  }
  const linked = before === undefined || linkOf(before.hash, last.body) === last.hash;
  return last.seq === seq && last.hash === hash && linked;
}

async function hasUnsigned(db: Db): Promise<boolean> {
  const signed = await db
    .selectFrom("audit_checkpoint_head")
    .select((row) => ["chain", row.fn.max("seq").as("seq")])
    .groupBy("chain")
    .execute();
  const known = new Map(signed.map(({ chain, seq }) => [chain, Number(seq)]));
  const heads = await db.selectFrom("audit_chain").select(["chain", "seq"]).execute();
  return heads.some(({ chain, seq }) => seq > (known.get(chain) ?? 0));
}

async function checkLeases({ db, now }: DatabaseScene): Promise<Finding> {
  const stuck = await db
    .selectFrom("lease")
    .select(["name", "until_at"])
    .where("until_at", ">", now + databaseLimits.leaseMs)
    .executeTakeFirst();
  if (stuck === undefined) return ok("leases", "None is held for longer than it should be.");
  const until = new Date(stuck.until_at).toISOString();
  return problem(
    "leases",
    `A node has taken ${stuck.name} until ${until}, so its clock was ahead.`,
    "Set that node's clock right and restart it; or, when it is gone, delete the row of the table lease.",
  );
}

async function checkApiKeys({ db, now }: DatabaseScene): Promise<Finding> {
  const name = "API keys";
  const ending = await db
    .selectFrom("api_key")
    .select(["name", "expires_at"])
    .where("expires_at", "<=", now + databaseLimits.apiKeyWarningMs)
    .orderBy("expires_at")
    .execute();
  const [soonest] = ending.filter(({ expires_at }) => expires_at > now);
  if (soonest !== undefined) {
    const date = new Date(soonest.expires_at).toISOString().slice(0, 10);
    return warning(
      name,
      `${soonest.name} ends on ${date}.`,
      "Make a new one with postern api-key create, and give it to what uses this one.",
    );
  }
  if (ending.length === 0) return ok(name, "None has ended or will soon.");
  return warning(
    name,
    `${ending.length} have ended, ${ending[0]?.name} among them.`,
    "Whoever made them can delete them with postern api-key revoke.",
  );
}

async function checkActivationKeys({ db, now }: DatabaseScene): Promise<Finding> {
  const { count } = await db
    .selectFrom("activation_key")
    .select((row) => row.fn.countAll().as("count"))
    .where("expires_at", "<=", now)
    .where("revoked_at", "is", null)
    .whereRef("uses", "<", "max_uses")
    .executeTakeFirstOrThrow();
  const unused = Number(count);
  if (unused === 0) return ok("activation keys", "None has ended unused.");
  const found = `${unused} ${unused === 1 ? "has" : "have"} ended with uses left.`;
  return warning(
    "activation keys",
    found,
    "Where agents still have to enrol, make new ones with postern activation-key create.",
  );
}

async function checkBundle({ db, now }: DatabaseScene): Promise<Finding> {
  const name = "trust bundle";
  const bundle = await db
    .selectFrom("trust_bundle")
    .select(["version", "created_at"])
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirstOrThrow();
  if (now - bundle.created_at < databaseLimits.bundleMs) return ok(name, "It is new, and on its way to the agents.");
  const { count } = await db
    .selectFrom("agent")
    .innerJoin("presence", "presence.agent_id", "agent.id")
    .select((row) => row.fn.countAll().as("count"))
    .where("agent.bundle_ver", "<", bundle.version)
    .where("presence.due_at", ">", now - agentLimits.graceMs)
    .executeTakeFirstOrThrow();
  const behind = Number(count);
  if (behind === 0) return ok(name, "Every connected agent has the newest one.");
  const found = `${behind} connected ${behind === 1 ? "agent has" : "agents have"} an older one than version ${bundle.version}.`;
  return warning(name, found, "Look at their versions and journals: postern key show says which keys they hold.");
}

async function checkAgents({ db, now }: DatabaseScene): Promise<Finding> {
  const name = "agents";
  const silent = await db
    .selectFrom("agent")
    .innerJoin("presence", "presence.agent_id", "agent.id")
    .select((row) => ["agent.protection_state", row.fn.countAll().as("count")])
    .where("presence.due_at", "<=", now - agentLimits.graceMs)
    .groupBy("agent.protection_state")
    .execute();
  const total = silent.reduce((sum, { count }) => sum + Number(count), 0);
  if (total === 0) return ok(name, "None is silent.");
  const protectedOnes = silent.find(({ protection_state }) => protection_state === "on");
  const among = protectedOnes === undefined ? "" : `, ${Number(protectedOnes.count)} of them protected`;
  return warning(
    name,
    `${total} ${total === 1 ? "is" : "are"} silent${among}.`,
    "postern agent list --state inactive names them.",
  );
}
