import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { originOf } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import type { KeyOrder, KeyServices } from "./change-keys.ts";

export const Reason = Type.String({
  minLength: 3,
  maxLength: 500,
  pattern: "\\S[^]*\\S[^]*\\S",
  mustBe: "three visible characters or more",
  description: "Why; it stands in the audit log.",
});

export interface KeyPermission extends KeyServices {
  /**
   * Refuses when it is too long ago that the person behind the request gave the password.
   *
   * @throws {Problem} reauthentication_required
   */
  readonly requireRecentPassword: (request: FastifyRequest) => void;
}

/** Does it for somebody who has just given the password; a refusal stands in the audit log before it is told. */
export async function permitKeyChange<T>(
  { store, audit, requireRecentPassword }: KeyPermission,
  request: FastifyRequest<{ Body: { reason: string } }>,
  action: string,
  kid: string | null,
  work: (order: KeyOrder) => Promise<T>,
): Promise<T> {
  const origin = originOf(request);
  const { reason } = request.body;
  try {
    requireRecentPassword(request);
    return await work({ origin, reason });
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error;
    const entry = { tenantId: null, action, origin, target: { kind: "key", id: kid } };
    await store.durable(async (tx) => {
      audit.record(tx, { ...entry, outcome: "refused", why: error.code, details: { reason } });
    });
    throw error;
  }
}
