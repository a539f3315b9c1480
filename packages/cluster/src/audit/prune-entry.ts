import { systemOrigin } from "../http/origin.ts";
import { type AuditBody, type AuditEvent, tenantOf } from "./entry.ts";

const action = "audit.prune";

/** What retention has removed from a chain. */
export interface Pruned {
  readonly chain: string;
  /** The last entry that was removed, and its link: here the chain begins now. */
  readonly seq: number;
  readonly hash: string;
  readonly entries: number;
  /** The checkpoint that has signed that link. */
  readonly checkpoint: number;
}

/** The entry, in the same chain, without which a chain that begins late is a chain whose beginning was cut off. */
export function pruneEvent({ chain, seq, hash, entries, checkpoint }: Pruned): AuditEvent {
  return {
    tenantId: tenantOf(chain),
    action,
    outcome: "done",
    origin: systemOrigin,
    target: { kind: "audit-chain", id: chain },
    why: "retention",
    details: { throughSeq: seq, hash, entries, checkpoint },
  };
}

/** Whether an entry says that just this was removed. */
export function isPruneOf(body: AuditBody, start: { readonly seq: number; readonly hash: string }): boolean {
  if (body.action !== action) return false;
  return body.details["throughSeq"] === start.seq && body.details["hash"] === start.hash;
}
