import type { OperationErrors } from "./http/operation-codes.ts";

const changesProfile = ["name_taken", "default_profile_fixed", "precondition_failed"] as const;
const replacesKey = [
  "session_required",
  "reauthentication_required",
  "key_not_replaceable",
  "root_key_missing",
  "overloaded",
] as const;
const changesUser = ["grant_refused", "user_from_provider", "last_site_admin", "precondition_failed"] as const;
const givesToken = [
  "role_may_not_retrieve",
  "token_not_live",
  "token_key_withdrawn",
  "token_record_altered",
  "token_rate_limited",
] as const;
const speaksProtocol = ["message_refused", "agent_unauthenticated", "protocol_unsupported"] as const;

/**
 * The errors that operations have of their own, for the documentation: those that follow from what a route declares (its
 * access, its schemas) are not repeated here. In tests, an answer with an error that its operation does not list fails the
 * test in which it is given.
 */
export const operationErrors: OperationErrors = {
  "POST /agent/v1/check-in": [
    ...speaksProtocol,
    "agent_decommissioned",
    "agent_deleted",
    "check_in_replayed",
    "superseded",
    "shutting_down",
  ],
  "POST /agent/v1/enroll": [
    ...speaksProtocol,
    "activation_key_invalid",
    "activation_key_revoked",
    "activation_key_expired",
    "activation_key_used_up",
    "enrolment_conflict",
  ],
  "GET /agent/v1/packages/:sha256": ["range_unsatisfiable", "too_many_downloads"],
  "POST /api/v1/agent-packages": ["package_unusable", "package_exists"],
  "DELETE /api/v1/agent-packages/:id": ["package_wanted"],
  "GET /api/v1/agent-packages/:id/download": ["range_unsatisfiable", "too_many_downloads"],
  "POST /api/v1/agent-tokens": [
    "role_may_not_generate",
    "reauthentication_required",
    "token_platform_unsupported",
    "challenge_agent_only",
    "challenge_mistyped",
    "idempotency_key_reused",
    ...givesToken,
  ],
  "POST /api/v1/agent-tokens/preview": ["role_may_not_generate", "token_platform_unsupported"],
  "GET /api/v1/agent-tokens/:id": [...givesToken],
  "DELETE /api/v1/agent-tokens/:id": ["role_may_not_retrieve", "token_not_live"],
  "GET /api/v1/agent-tokens/:id/download": [...givesToken],
  "GET /api/v1/agents/:id/agent-token": ["token_none_live", ...givesToken],
  "PATCH /api/v1/agents/:id": ["precondition_failed"],
  "POST /api/v1/agents/:id/confirm-drop": ["drop_not_pending"],
  "DELETE /api/v1/agents/:id": ["precondition_failed"],
  "POST /api/v1/agents/:id/replaced": ["replacement_refused"],
  "POST /api/v1/agents/:id/decommission": ["reauthentication_required", "precondition_failed"],
  "DELETE /api/v1/agents/:id/decommission": ["decommission_applied", "decommission_not_pending", "precondition_failed"],
  "POST /api/v1/agents/decommission": ["reauthentication_required", "selection_changed"],
  "POST /api/v1/alarms/:id/acknowledge": ["alarm_not_open", "precondition_failed"],
  "POST /api/v1/api-keys": ["session_required", "reauthentication_required", "grant_refused"],
  "PUT /api/v1/cluster/urls": ["reauthentication_required", "precondition_failed"],
  "POST /api/v1/intents": ["name_taken"],
  "PATCH /api/v1/intents/:id": ["name_taken", "precondition_failed"],
  "DELETE /api/v1/intents/:id": ["precondition_failed"],
  "PUT /api/v1/intents/order": ["precondition_failed"],
  "POST /api/v1/keys/roots/prepare": [...replacesKey, "root_change_refused", "root_changes_exhausted"],
  "POST /api/v1/keys/roots/change": [
    ...replacesKey,
    "root_change_refused",
    "root_changes_exhausted",
    "precondition_failed",
  ],
  "POST /api/v1/keys/:use/rotate": [...replacesKey],
  "POST /api/v1/keys/:kid/compromise": [...replacesKey],
  "POST /api/v1/keys/:kid/destroy": [...replacesKey, "key_in_use", "stranded_not_confirmed"],
  "POST /api/v1/profiles": ["name_taken"],
  "PATCH /api/v1/profiles/:id": ["reauthentication_required", ...changesProfile],
  "DELETE /api/v1/profiles/:id": ["default_profile_fixed", "profile_in_use", "precondition_failed"],
  "POST /api/v1/profiles/:id/rollback": ["reauthentication_required", "precondition_failed"],
  "POST /api/v1/session": ["login_failed", "login_throttled", "csrf_refused"],
  "DELETE /api/v1/session": ["session_required"],
  "POST /api/v1/session/reauthenticate": ["session_required", "login_failed", "login_throttled", "user_from_provider"],
  "PUT /api/v1/session/password": [
    "session_required",
    "login_failed",
    "login_throttled",
    "password_unacceptable",
    "user_from_provider",
  ],
  "DELETE /api/v1/sessions": ["session_required"],
  "DELETE /api/v1/sessions/:id": ["session_required"],
  "GET /api/v1/stream": ["too_many_streams"],
  "POST /api/v1/tenants": ["name_taken"],
  "PATCH /api/v1/tenants/:id": ["name_taken", "precondition_failed"],
  "POST /api/v1/users": ["grant_refused", "name_taken", "password_unacceptable"],
  "PATCH /api/v1/users/:id": [...changesUser, "password_unacceptable"],
  "DELETE /api/v1/users/:id": [...changesUser],
  "DELETE /api/v1/users/:id/sessions": [...changesUser],
  "POST /api/v1/users/:id/roles": [...changesUser],
  "DELETE /api/v1/users/:id/roles/:bindingId": [...changesUser],
  "GET /oidc/callback": ["login_refused", "provider_login_failed", "provider_unavailable"],
  "GET /oidc/login": ["provider_unavailable"],
};
