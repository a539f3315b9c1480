import { sql } from "kysely";
import type { Durable } from "../schema.ts";
import { agentLimits } from "./limits.ts";

/** An agent that has shown itself by a signed message. */
export interface Sighting {
  readonly agentId: string;
  readonly boot: number;
  readonly n: number;
  readonly seenAt: number;
  readonly dueAt: number;
}

/** Remembers when agents were seen, and which of their messages was the newest. */
export interface Presence {
  /**
   * Stores the sighting if `(boot, n)` is higher than any before of this agent; false otherwise: then the message is a
   * recording of an earlier one. Decided by the database, so it holds across restarts and nodes.
   */
  record(sighting: Sighting): Promise<boolean>;
  /** Expects the agent later than was said with this sighting: it is being told to wait longer. */
  postpone(sighting: Omit<Sighting, "seenAt">): Promise<void>;
}

interface Waiting {
  readonly sighting: Sighting;
  readonly resolve: (isNewest: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers what arrives while one statement is being stored; the next statement stores it all. */
export function createPresence(durable: Durable): Presence {
  let waiting: Waiting[] = [];
  let writing = false;

  async function writeAll(): Promise<void> {
    writing = true;
    while (waiting.length > 0) {
      const { batch, rest } = takeBatch(waiting);
      waiting = rest;
      await write(batch);
    }
    writing = false;
  }

  async function write(batch: readonly Waiting[]): Promise<void> {
    try {
      const newest = await durable((tx) =>
        tx
          .insertInto("presence")
          .values(batch.map(({ sighting }) => toRow(sighting)))
          .onConflict((conflict) =>
            conflict
              .column("agent_id")
              .doUpdateSet((row) => ({
                boot: row.ref("excluded.boot"),
                n: row.ref("excluded.n"),
                seen_at: row.ref("excluded.seen_at"),
                due_at: row.ref("excluded.due_at"),
              }))
              .where(sql<boolean>`(excluded.boot, excluded.n) > (presence.boot, presence.n)`),
          )
          .returning("agent_id")
          .execute(),
      );
      const stored = new Set(newest.map((row) => row.agent_id));
      for (const { sighting, resolve } of batch) resolve(stored.has(sighting.agentId));
    } catch (error) {
      // One of them may have been deleted meanwhile: that must not be the others' failure.
      if (batch.length > 1) for (const one of batch) await write([one]);
      else for (const { reject } of batch) reject(error);
    }
  }

  return {
    record(sighting) {
      return new Promise((resolve, reject) => {
        waiting.push({ sighting, resolve, reject });
        if (!writing) void writeAll();
      });
    },
    async postpone({ agentId, boot, n, dueAt }) {
      await durable((tx) =>
        tx
          .updateTable("presence")
          .set({ due_at: dueAt })
          .where("agent_id", "=", agentId)
          .where("boot", "=", boot)
          .where("n", "=", n)
          .where("due_at", "<", dueAt)
          .execute(),
      );
    },
  };
}

/** One statement changes a row once: a second sighting of an agent waits for the next. */
function takeBatch(waiting: readonly Waiting[]): { batch: Waiting[]; rest: Waiting[] } {
  const batch = new Map<string, Waiting>();
  const rest: Waiting[] = [];
  for (const one of waiting) {
    const full = batch.size >= agentLimits.maxSightingsPerWrite;
    if (full || batch.has(one.sighting.agentId)) rest.push(one);
    else batch.set(one.sighting.agentId, one);
  }
  return { batch: [...batch.values()], rest };
}

function toRow({ agentId, boot, n, seenAt, dueAt }: Sighting) {
  return { agent_id: agentId, boot, n, seen_at: seenAt, due_at: dueAt };
}
