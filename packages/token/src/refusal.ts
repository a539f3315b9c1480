/** Why a token is refused. Stable: agents journal them, the cluster counts them, people search for them. */
export type RefusalReason = keyof typeof refusalText;

const refusalText = {
  malformed: "this is not an agent token",
  wrong_type: "this is signed, but it is not an agent token",
  wrong_algorithm: "this token is signed with an algorithm that is not accepted",
  unknown_key: "this token is signed with a key that this agent does not know",
  bad_signature: "this token was altered or not signed by the cluster",
  wrong_cluster: "this token is of another cluster",
  wrong_tenant: "this token is for another tenant",
  wrong_agent: "this token is for another agent",
  action_not_allowed: "this token does not allow lifting service protection",
  challenge_mismatch: "this token answers another challenge",
  not_yet_valid: "this token is not valid yet",
  expired: "this token has expired",
} as const;

/** Branch on `reason`. Messages never carry token bytes: a workload's logs are readable by attackers. */
export class TokenRefused extends Error {
  override readonly name = "TokenRefused";
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(refusalText[reason]);
    this.reason = reason;
  }
}
