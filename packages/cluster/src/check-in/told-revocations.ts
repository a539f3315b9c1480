/**
 * Which revocations an agent was told by this node, so that its next check-in is held again instead of answered at once
 * with the same list. Forgetting costs one early answer; every answer carries the whole list anyway.
 */
export interface ToldRevocations {
  hasNews(agentId: string, revoked: readonly string[]): boolean;
  told(agentId: string, revoked: readonly string[]): void;
}

export function createToldRevocations(): ToldRevocations {
  const told = new Map<string, ReadonlySet<string>>();
  return {
    hasNews: (agentId, revoked) => revoked.some((id) => !told.get(agentId)?.has(id)),
    told(agentId, revoked) {
      if (revoked.length === 0) told.delete(agentId);
      else told.set(agentId, new Set(revoked));
    },
  };
}
