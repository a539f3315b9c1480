import { hash } from "node:crypto";
import { toRfc3339, type UnixMs } from "../clock.ts";
import type { Origin } from "../http/origin.ts";

export const auditOutcomes = ["done", "refused", "failed"] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];

/** What something was done to. */
export interface AuditTarget {
  /** The noun of the API: `tenant`, `user`, `agent-token` … */
  readonly kind: string;
  readonly id: string | null;
  /** As it was called then; names change. */
  readonly name?: string;
}

/** One fact for the audit log: who did what, to what, from where, why. It must hold no secret. */
export interface AuditEvent {
  /** The tenant in whose chain it stands; null: the cluster's. */
  readonly tenantId: string | null;
  /** `<noun>.<verb>`: `tenant.create`, `agent-token.generate`, `session.create` … */
  readonly action: string;
  readonly outcome: AuditOutcome;
  readonly origin: Origin;
  readonly target: AuditTarget | null;
  /** The reason that a person gave, or the code of a refusal. */
  readonly why?: string;
  /** What else matters, small: changed members, a ticket, a token's kind and digest. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The event as it is stored, in this order of members. */
export interface AuditBody {
  readonly id: string;
  readonly chain: string;
  readonly seq: number;
  readonly at: string;
  readonly action: string;
  readonly outcome: AuditOutcome;
  readonly who: { readonly kind: string; readonly id: string | null; readonly name: string };
  readonly from: { readonly address: string | null; readonly requestId: string | null };
  readonly target: AuditTarget | null;
  readonly why: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

export const clusterChain = "cluster";

/** The link before a chain's first entry. */
export const firstLink = "0".repeat(64);

export function chainOf(tenantId: string | null): string {
  return tenantId ?? clusterChain;
}

/** The tenant of a chain; null: the cluster. */
export function tenantOf(chain: string): string | null {
  return chain === clusterChain ? null : chain;
}

export function toAuditBody(event: AuditEvent, id: string, at: UnixMs, seq: number): AuditBody {
  return {
    id,
    chain: chainOf(event.tenantId),
    seq,
    at: toRfc3339(at),
    action: event.action,
    outcome: event.outcome,
    who: event.origin.who,
    from: { address: event.origin.address, requestId: event.origin.requestId },
    target: event.target,
    why: event.why ?? null,
    details: event.details ?? {},
  };
}

/** SHA-256, in hex, over the link before (in hex), a line feed, and the exact bytes of the body. */
export function linkOf(previousLink: string, body: string): string {
  return hash("sha256", `${previousLink}\n${body}`, "hex");
}
