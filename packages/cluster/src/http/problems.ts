/**
 * Every error of the API: its status, its title, and what to do next. The code is the name by which programs tell
 * errors apart, so codes never change their meaning. This table is closed: an answer with any other code cannot be made.
 */
export const problems = {
  validation_failed: [400, "The request does not fit the API", "Correct the members named in `errors`."],
  malformed_request: [400, "The request cannot be read", "Send well-formed HTTP with a well-formed JSON body."],
  cursor_invalid: [400, "The cursor does not belong to this list", "Start again without a cursor."],
  message_refused: [400, "The signed message is refused", "Send a message of the form that the protocol has."],
  unauthenticated: [401, "Nobody is logged in", "Log in, or send an API key that is valid."],
  login_failed: [401, "Name or password is wrong", "Try again; an administrator can set a new password."],
  provider_login_failed: [
    401,
    "The log-in at the identity provider did not succeed",
    "Start the log-in again; the cluster's log has more under the request id.",
  ],
  agent_unauthenticated: [401, "No agent of this cluster has signed this", "Enrol the agent, if it is new."],
  permission_missing: [403, "Your roles do not allow this", "Ask somebody whose role allows it."],
  login_refused: [403, "You may not log in here", "Ask an administrator of the cluster, or of the identity provider."],
  grant_refused: [403, "You may not grant this role", "Ask a site administrator to grant it."],
  role_may_not_generate: [403, "Your role does not allow generating this token", "Ask somebody whose role allows it."],
  role_may_not_retrieve: [403, "Your role does not allow having this token", "Ask somebody whose role allows it."],
  activation_key_invalid: [403, "The activation key is not valid", "Check the key, or make a new one."],
  activation_key_revoked: [403, "The activation key was revoked", "Make a new one."],
  activation_key_expired: [403, "The activation key has expired", "Make a new one."],
  activation_key_used_up: [403, "The activation key has no uses left", "Make a new one, or one for more agents."],
  agent_deleted: [
    403,
    "The agent was deleted here",
    "Enrol it again with an activation key; while its protection is on, an agent token lifts it first.",
  ],
  agent_decommissioned: [
    403,
    "The agent was decommissioned",
    "Uninstall it, or enrol it again with an activation key.",
  ],
  csrf_refused: [403, "The request came from another site", "Send it from the console, or use an API key."],
  session_required: [403, "An API key cannot do this", "Log in with name and password first."],
  reauthentication_required: [
    403,
    "Your log-in is too old for this",
    "Confirm your password with POST /api/v1/session/reauthenticate.",
  ],
  tls_required: [
    403,
    "Plain HTTP is not accepted from here",
    "Use HTTPS, or go through the proxy that the cluster trusts.",
  ],
  not_found: [404, "There is no such thing", "Check the address and the id."],
  token_none_live: [404, "There is no live agent token", "Generate one."],
  method_not_allowed: [405, "This address does not know that method", "Use a method named in the `Allow` header."],
  name_taken: [409, "The name is taken", "Choose another name."],
  default_profile_fixed: [
    409,
    "The profile Default stays as it is called",
    "Change its settings, or make another profile.",
  ],
  token_key_withdrawn: [
    409,
    "The key that signed the token signs nothing any more",
    "Generate a new token; it is signed with another key.",
  ],
  key_in_use: [409, "The key is still in use", "Rotate it first, or say that it is compromised."],
  key_not_replaceable: [409, "A key of this kind is not replaced here", "Choose a token key or a config key."],
  stranded_not_confirmed: [
    409,
    "The number of agents that this strands was not confirmed",
    "Look at the key's reach again, and confirm the number that stands there.",
  ],
  root_key_missing: [
    409,
    "This node has no root key, and cannot sign a trust bundle",
    "Put the root key's file back into the data directory for this, or use the node that has it.",
  ],
  root_change_refused: [
    422,
    "No agent would follow this change of the roots",
    "Prepare a root, sign the change with the private half of a root of now, and send it to the same node.",
  ],
  root_changes_exhausted: [
    409,
    "The roots of a cluster can be changed 24 times",
    "Make a new cluster, and let the agents enrol there.",
  ],
  package_exists: [409, "There is another package of this version", "Remove that one first."],
  package_wanted: [
    409,
    "Profiles want this version of their agents",
    "Change these profiles first, or remove the package all the same with `force=true`.",
  ],
  profile_in_use: [409, "The profile is in use", "Let intents and agents go to another profile first."],
  drop_not_pending: [
    409,
    "The agent does not wait for that",
    "Read the agent again: its profile, or what its facts would give it, has changed meanwhile.",
  ],
  alarm_not_open: [
    409,
    "The alarm is not open any more",
    "Read it again: somebody was faster, or it has ended by itself.",
  ],
  decommission_not_pending: [409, "Nobody has decommissioned the agent", "Read the agent again."],
  decommission_applied: [
    409,
    "The agent has switched its protection off for good",
    "Enrol it again with an activation key, if it is to come back.",
  ],
  replacement_refused: [409, "That cannot have replaced the agent", "Name another agent of the same tenant."],
  selection_changed: [
    409,
    "The agents that you named are others by now",
    "Look at the preview again, and repeat with the number that stands there.",
  ],
  token_not_live: [409, "The token is not live any more", "Generate a new one."],
  enrolment_conflict: [409, "Another agent has enrolled with this", "Enrol with a new identity key and request id."],
  check_in_replayed: [409, "This check-in, or a newer one, was received before", "Send a new one."],
  superseded: [409, "A newer check-in of the same agent has come", "Wait for the answer to that one."],
  last_site_admin: [409, "The cluster would be without a site administrator", "Give the role to somebody else first."],
  user_from_provider: [
    409,
    "The identity provider decides this",
    "Change it at the identity provider; to lock the user out at once, disable the user here.",
  ],
  precondition_failed: [
    412,
    "Somebody changed it meanwhile",
    "Read it again, and repeat your change on what is there now.",
  ],
  body_too_large: [413, "The body is too large", "Send less at once."],
  uri_too_long: [414, "The address is too long", "Shorten the path or the query."],
  media_type_unsupported: [
    415,
    "The body is not of the right kind",
    "Send JSON as `application/json`, and an agent package as `application/octet-stream`.",
  ],
  encoding_unsupported: [415, "Compressed bodies are not accepted", "Send the body without `Content-Encoding`."],
  range_unsatisfiable: [
    416,
    "There is no such range",
    "Ask for bytes that the file has; `Content-Range` says how many.",
  ],
  password_unacceptable: [422, "The password cannot be used", "Choose a longer one; a sentence works well."],
  package_unusable: [422, "The file is no agent package", "Send the PosternAgent.msi of a release, unchanged."],
  token_platform_unsupported: [422, "No agent token for this platform", "Choose a Windows agent."],
  challenge_agent_only: [
    422,
    "Only a token for one agent answers a challenge",
    "Leave the challenge out, or name the agent.",
  ],
  challenge_mistyped: [422, "The challenge is mistyped", "Compare it with what `PosternAgent.exe -challenge` printed."],
  idempotency_key_reused: [422, "The Idempotency-Key belongs to another request", "Use a new key for a new request."],
  protocol_unsupported: [426, "The cluster does not speak this protocol", "Update the agent."],
  login_throttled: [429, "Too many failed log-ins", "Wait for the time given in `Retry-After`."],
  token_rate_limited: [429, "Too many agent tokens within a minute", "Wait for the time given in `Retry-After`."],
  too_many_downloads: [429, "Too many packages are being fetched", "Wait for the time given in `Retry-After`."],
  too_many_streams: [429, "Too many live streams are open", "Close one, or wait for the time given in `Retry-After`."],
  headers_too_large: [431, "The headers are too large", "Send fewer or smaller headers."],
  internal: [500, "The cluster failed to do this", "Try again; the log has more under the request id."],
  token_record_altered: [
    500,
    "The token's record was altered",
    "Nothing is given. Generate a new token, and find out who changed the database.",
  ],
  overloaded: [503, "The cluster is busy", "Try again after the time given in `Retry-After`."],
  provider_unavailable: [
    503,
    "The identity provider does not answer",
    "Try again in a moment, or log in with a password.",
  ],
  not_ready: [503, "The cluster is not ready", "Try again in a moment."],
  shutting_down: [503, "This node is shutting down", "Try again after the time given in `Retry-After`."],
} as const satisfies Record<string, readonly [status: number, title: string, next: string]>;

export type ProblemCode = keyof typeof problems;

/** One wrong member of a request, by its JSON pointer (RFC 6901). */
export interface ProblemError {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

export interface ProblemOptions extends ErrorOptions {
  readonly errors?: readonly ProblemError[];
  /** Headers of the answer, such as `Retry-After` in seconds. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * An error that is answered as problem+json (RFC 9457). Throw it anywhere, also inside a work of `durable`.
 *
 * `detail` is one sentence for people about this very case; without it the table's advice stands there. It must not
 * carry secrets.
 */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly status: number;
  readonly errors: readonly ProblemError[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ProblemCode, detail?: string, options: ProblemOptions = {}) {
    const [status, , next] = problems[code];
    super(detail ?? next, options);
    this.code = code;
    this.status = status;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
  }
}

/** The body of an error's answer. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly requestId: string;
  readonly errors?: readonly ProblemError[];
}

export function toProblemBody(problem: Problem, requestId: string): ProblemBody {
  const [status, title] = problems[problem.code];
  return {
    type: `urn:postern:problem:${problem.code}`,
    title,
    status,
    detail: problem.message,
    code: problem.code,
    requestId,
    ...(problem.errors && { errors: problem.errors }),
  };
}
