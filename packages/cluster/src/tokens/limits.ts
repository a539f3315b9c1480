export const tokenLimits = {
  /** A reason shorter than this says nothing. */
  minReasonChars: 3,
  maxReasonChars: 500,
  maxTicketChars: 100,
  maxIdempotencyKeyChars: 200,
  /** How long the repetition of a request is known as one. */
  idempotencyMs: 24 * 60 * 60_000,
  /**
   * Agent tokens that one user is given in a minute, generated and retrieved, unless set otherwise: more than anybody needs
   * who repairs machines one by one, and few enough that a stolen API key does not empty a cluster before it is noticed.
   */
  tokensPerMinute: 60,
  /** Redemptions shown with one token, newest first; a cluster token can have one for each agent. */
  maxRedemptionsShown: 500,
} as const;
