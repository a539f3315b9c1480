import type { AuditTarget } from "../audit/entry.ts";
import type { Audit } from "../audit/record.ts";
import type { Origin } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import type { Durable } from "../schema.ts";

/** Runs a change; when it is refused for want of a right to grant, the attempt is entered in the audit log. */
export async function recordingRefusal<T>(
  { durable, audit }: { readonly durable: Durable; readonly audit: Audit },
  attempt: { readonly action: string; readonly origin: Origin; readonly target: AuditTarget | null },
  change: () => Promise<T>,
): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (error instanceof Problem && error.code === "grant_refused") {
      await durable(async (tx) => {
        audit.record(tx, { ...attempt, tenantId: null, outcome: "refused", why: error.code });
      });
    }
    throw error;
  }
}
