import { Problem } from "../http/problems.ts";
import { requireUsableTokenKey } from "../keys/require-usable.ts";
import { revealToken, TokenRecordAltered } from "./reveal.ts";
import { requireRight } from "./right.ts";
import type { Asker, TokenServices } from "./services.ts";
import type { AgentTokenTable } from "./tables.ts";
import { entryOf, refusingWith } from "./token-audit.ts";
import { stateOfToken } from "./token-records.ts";

export type Retrieval = "agent-token.retrieve" | "agent-token.download";

/**
 * Gives the token of a record to somebody who may have it. The audit entry is on disk before it leaves.
 *
 * @throws {Problem} role_may_not_retrieve, token_rate_limited; token_not_live: expired or revoked; token_key_withdrawn: its key
 *   is compromised or destroyed; token_record_altered: what is stored is
 *   not what was signed, and nothing is given
 */
export async function retrieveToken(
  services: TokenServices,
  asker: Asker,
  record: AgentTokenTable,
  action: Retrieval,
): Promise<string> {
  const { store, audit, clock, deployment } = services;
  const entry = entryOf(action, asker, record);
  await refusingWith(services, entry, async () => {
    requireRight("retrieve", asker.principal, record.kind, record.tenant_id, deployment);
    services.rate.spend(asker.principal.userId);
  });
  const state = stateOfToken(record, clock.now());
  if (state !== "live") {
    throw new Problem("token_not_live", `The token ${state === "revoked" ? "was revoked" : "has expired"}.`);
  }
  const keys = await services.keys.fresh();
  const token = await refusingWith(services, entry, async () => {
    if (keys.isWithdrawn(record.kid)) throw new Problem("token_key_withdrawn");
    try {
      return await revealToken(record, keys);
    } catch (error) {
      if (!(error instanceof TokenRecordAltered)) throw error;
      await store.durable((tx) => services.whenAltered(tx, record.id));
      throw new Problem("token_record_altered", undefined, { cause: error });
    }
  });
  await refusingWith(services, entry, () =>
    store.durable(async (tx) => {
      await requireUsableTokenKey(tx, record.kid);
      audit.record(tx, { ...entry, outcome: "done" });
    }),
  );
  return token;
}
