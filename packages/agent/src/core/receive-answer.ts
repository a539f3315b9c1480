import {
  type AgentConfigClaims,
  type Answer,
  MessageRefused,
  openAgentConfig,
  openAnswer,
  type TrustBundle,
} from "@postern/protocol";

/** Who an answer has to be from and for. */
export interface AnswerContext {
  /** The one known; it says itself which roots are pinned. */
  readonly bundle: TrustBundle;
  readonly tenantId: string;
  readonly agentId: string;
  /** Of the request that this answers. */
  readonly nonce: string;
  readonly appliedRev: number;
}

/** A valid answer, and so "cluster reached". Its config stands on its own: it may have been refused. */
export interface ReceivedAnswer {
  readonly answer: Answer;
  readonly bundle: TrustBundle;
  readonly config?: { readonly claims: AgentConfigClaims } | { readonly refused: { rev: number; code: string } };
}

/**
 * Verifies an answer, and the config in it by its own rules: for this agent, and not older than the answer promises
 * nor than what is applied.
 *
 * @throws {MessageRefused} the answer is not a valid one: the cluster was not reached
 */
export function receiveAnswer(message: string, context: AnswerContext): ReceivedAnswer {
  const { answer, bundle } = openAnswer(message, context);
  if (answer.config === undefined) return { answer, bundle };
  try {
    const claims = openAgentConfig(answer.config, {
      configKeys: bundle.configKeys,
      clusterId: bundle.clusterId,
      tenantId: context.tenantId,
      agentId: context.agentId,
      minRevision: Math.max(answer.rev, context.appliedRev),
    });
    return { answer, bundle, config: { claims } };
  } catch (error) {
    if (!(error instanceof MessageRefused)) throw error;
    return { answer, bundle, config: { refused: { rev: answer.rev, code: error.reason } } };
  }
}
