import type { FastifyRequest } from "fastify";
import { accessOf, type Who } from "./access.ts";

/** Who asked for something and from where, as the audit log keeps it. */
export interface Origin {
  readonly who: Who;
  /** The sender's network address; null for what the cluster does by itself. */
  readonly address: string | null;
  readonly requestId: string | null;
}

export function originOf(request: FastifyRequest): Origin {
  return { who: accessOf(request).who, address: request.ip, requestId: request.id };
}

/** What the cluster does by itself. */
export const systemOrigin: Origin = {
  who: { kind: "system", id: null, name: "cluster" },
  address: null,
  requestId: null,
};

/** Whoever sits at a machine of the cluster and works past it, with its files in hand. */
export function operatorOrigin(user: string, host: string): Origin {
  return { who: { kind: "operator", id: null, name: `${user} on ${host}` }, address: null, requestId: null };
}
