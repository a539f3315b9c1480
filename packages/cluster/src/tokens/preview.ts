import { chooseTokenKey } from "./choose-key.ts";
import { type Coverage, coverageOf } from "./coverage.ts";
import { findAgentGroups } from "./coverage-query.ts";
import { requireRight } from "./right.ts";
import type { Asker, TokenServices } from "./services.ts";
import { type AskedTarget, findTarget, refuseOtherPlatforms } from "./target.ts";

export interface TokenPreview {
  /** The token key that would sign it. */
  readonly kid: string;
  readonly coverage: Coverage;
}

/**
 * Whom a token would and would not reach if it were generated now. Changes nothing and needs no fresh log-in: it is to be
 * seen before the password is asked for.
 *
 * @throws {Problem} validation_failed, not_found, role_may_not_generate, token_platform_unsupported
 */
export async function previewToken(
  { store, keys, deployment }: TokenServices,
  { principal, access }: Asker,
  asked: AskedTarget,
  answersChallenge: boolean,
): Promise<TokenPreview> {
  const found = await findTarget(store.reads, access, asked);
  requireRight("generate", principal, asked.kind, found.tenantId, deployment);
  refuseOtherPlatforms(found);
  const current = await keys.fresh();
  const groups = found.groups ?? (await findAgentGroups(store.reads, found));
  const { kid } = chooseTokenKey(current, groups);
  return { kid, coverage: coverageOf(groups, { kid, answersChallenge }, current) };
}
