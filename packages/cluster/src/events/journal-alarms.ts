import type { JournalEntry } from "@postern/protocol";
import { toReportedTime } from "../agents/reported-time.ts";
import { isInRestoreGap, timeOfUuidV7 } from "../restore-gaps.ts";
import type { Tx } from "../schema.ts";
import type { RedemptionVerdict } from "../tokens/tables.ts";
import { type AlarmData, type AlarmServices, type Occurrence, raiseAlarm } from "./alarms.ts";
import type { JournalOwner } from "./journal.ts";
import type { JudgedEntry } from "./judge-entries.ts";
import { alarmLimits } from "./limits.ts";
import { longestRowOfRefusals, type RowEntry, rowKinds } from "./refusals.ts";

/** A `redeemed` entry, held against what was issued. */
export interface JudgedRedemption {
  readonly entry: JournalEntry;
  readonly verdict: RedemptionVerdict;
}

/** What was stored of one delivery. */
export interface StoredDelivery {
  readonly fresh: readonly JudgedEntry[];
  /** What lay between this and what is stored was lost by a restore. */
  readonly isTorn: boolean;
  readonly redemptions: readonly JudgedRedemption[];
}

/** Raises what newly stored entries of a journal give reason to. Each kind once, however many entries of it came. */
export async function raiseFromJournal(
  tx: Tx,
  services: AlarmServices,
  owner: JournalOwner,
  { fresh, isTorn, redemptions }: StoredDelivery,
  now: number,
): Promise<void> {
  const entries = fresh.map(({ entry }) => entry);
  const found = [
    forkIn(fresh, isTorn),
    simple("pipe_taken", entries),
    await driftIn(tx, owner, entries, now),
    await neverIssuedIn(tx, redemptions),
    await refusalsIn(tx, owner, entries),
  ];
  const agent = { id: owner.agentId, hostName: owner.hostName };
  for (const one of found) {
    if (one !== null) await raiseAlarm(tx, services, { ...one, tenantId: owner.tenantId, agent }, now);
  }
}

type Found = Pick<Occurrence, "kind" | "severity" | "data" | "times"> | null;

/** What the entry says of itself, and where it stands; the latter cannot be overwritten by the former. */
function dataOf({ seq, trustedAt, data }: JournalEntry): AlarmData {
  return { ...data, seq, trustedAt: toReportedTime(trustedAt) };
}

function simple(kind: "pipe_taken" | "drift", entries: readonly JournalEntry[]): Found {
  const those = entries.filter((entry) => entry.kind === kind);
  const last = those.at(-1);
  return last === undefined ? null : { kind, data: dataOf(last), times: those.length };
}

function forkIn(fresh: readonly JudgedEntry[], isTorn: boolean): Found {
  // After a restore the first entry cannot follow what was lost; those behind it follow it.
  const broken = fresh.filter(({ forked, linked }, index) => forked || !(linked || (isTorn && index === 0)));
  const last = broken.at(-1);
  if (last === undefined) return null;
  return {
    kind: "journal_fork",
    data: { seq: last.entry.seq, what: last.forked ? "two_versions" : "other_history" },
    times: broken.length,
  };
}

/**
 * Tampering is always told, and anew when somebody has settled the alarm; only the very same change of the same layer not
 * within an hour: a group policy may write it again and again, and that is somebody's to settle once. Who did it is
 * nothing that the agent could know. See `docs/decisions/drift-names-nobody.md`.
 */
async function driftIn(
  tx: Tx,
  { tenantId, agentId }: JournalOwner,
  entries: readonly JournalEntry[],
  now: number,
): Promise<Found> {
  const found = simple("drift", entries);
  if (found === null) return null;
  const settled = await tx
    .selectFrom("alarm")
    .select("data")
    .where("tenant_id", "=", tenantId)
    .where("agent_id", "=", agentId)
    .where("kind", "=", "drift")
    .where("raised_at", ">", now - alarmLimits.sameDriftQuietMs)
    .where("closed_at", "is not", null)
    .orderBy("raised_at", "desc")
    .limit(1)
    .executeTakeFirst();
  if (settled === undefined) return found;
  const before = changeIn(JSON.parse(settled.data) as AlarmData);
  const drifts = entries.filter(({ kind }) => kind === "drift");
  return drifts.every(({ data }) => changeIn(data) === before) ? null : found;
}

/** What was changed, of whose. */
function changeIn({ layer, service, found }: AlarmData): string {
  return JSON.stringify([layer, service, found]);
}

/** Inside a time that a restored backup does not know, a token that is not known here is no proof of a forgery. */
async function neverIssuedIn(tx: Tx, redemptions: readonly JudgedRedemption[]): Promise<Found> {
  const strange = redemptions.filter(({ verdict }) => verdict !== "issued");
  const last = strange.at(-1);
  if (last === undefined) return null;
  let explained = 0;
  for (const { entry, verdict } of strange) {
    const issuedAt = timeOfUuidV7(String(entry.data["jti"] ?? ""));
    if (verdict === "unknown" && issuedAt !== null && (await isInRestoreGap(tx, issuedAt))) explained += 1;
  }
  return {
    kind: "redemption_never_issued",
    severity: explained === strange.length ? "warning" : "problem",
    data: { ...dataOf(last.entry), verdict: last.verdict, inRestoreGap: explained === strange.length },
    times: strange.length,
  };
}

async function refusalsIn(tx: Tx, owner: JournalOwner, entries: readonly JournalEntry[]): Promise<Found> {
  const last = entries.findLast(({ kind }) => kind === "refused");
  const first = entries[0];
  if (last === undefined || first === undefined) return null;
  const fresh = entries.filter(({ kind }) => rowKinds.some((one) => one === kind)).map(toRowEntry);
  const before = await entriesBefore(tx, owner, first.seq);
  const row = longestRowOfRefusals([...before, ...fresh], fresh.length);
  if (row < alarmLimits.refusalsInARow) return null;
  return { kind: "refusals_in_a_row", data: { ...dataOf(last), refusals: row } };
}

async function entriesBefore(tx: Tx, { tenantId, agentId, journalId }: JournalOwner, seq: number): Promise<RowEntry[]> {
  const rows = await tx
    .selectFrom("journal_entry")
    .select(["kind", "trusted_at", "data"])
    .where("tenant_id", "=", tenantId)
    .where("agent_id", "=", agentId)
    .where("journal_id", "=", journalId)
    .where("seq", "<", seq)
    .where("kind", "in", rowKinds)
    .orderBy("seq", "desc")
    .limit(alarmLimits.maxEntriesLookedBack)
    .execute();
  return rows
    .map(({ kind, trusted_at: trustedAt, data }) =>
      toRowEntry({ kind, trustedAt, data: JSON.parse(data) as JournalEntry["data"] }),
    )
    .reverse();
}

function toRowEntry({ kind, trustedAt, data }: Pick<JournalEntry, "kind" | "trustedAt" | "data">): RowEntry {
  const { unrecorded } = data;
  return { kind, trustedAt, unrecorded: typeof unrecorded === "number" && unrecorded > 0 ? unrecorded : 0 };
}
