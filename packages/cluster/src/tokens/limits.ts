export const tokenLimits = {
  /** A reason shorter than this says nothing. */
  minReasonChars: 3,
  maxReasonChars: 500,
  maxTicketChars: 100,
  maxIdempotencyKeyChars: 200,
  /** How long the repetition of a request is known as one. */
  idempotencyMs: 24 * 60 * 60_000,
  /** Redemptions shown with one token, newest first; a cluster token can have one for each agent. */
  maxRedemptionsShown: 500,
} as const;
