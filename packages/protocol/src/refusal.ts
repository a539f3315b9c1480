/** Why a signed message is refused. Stable: both sides journal and count them. */
export type MessageRefusalReason = keyof typeof refusalText;

const refusalText = {
  malformed: "the message is not of the form agreed on",
  wrong_type: "the message is signed, but of another type than expected here",
  wrong_algorithm: "the message is signed with an algorithm that is not accepted",
  unknown_key: "the message is signed with a key that is not trusted",
  bad_signature: "the message was altered, or not signed by whom it names",
  wrong_cluster: "the message is of another cluster",
  wrong_tenant: "the message is for another tenant",
  wrong_subject: "the message is for or from another agent",
  wrong_nonce: "the answer belongs to another request",
  stale_revision: "the desired config is older than the one promised or applied",
  stale_bundle: "the trust bundle is older than the one known",
  root_change_missing: "a change of the cluster's roots is missing before this one",
} as const;

/** Branch on `reason`. Messages never carry what was refused. */
export class MessageRefused extends Error {
  override readonly name = "MessageRefused";
  readonly reason: MessageRefusalReason;

  constructor(reason: MessageRefusalReason) {
    super(refusalText[reason]);
    this.reason = reason;
  }
}
