import { expect, test } from "vitest";
import type { AgentRefusal } from "../core/judge-token.ts";
import { helpText } from "./help.ts";
import { sentenceFor, span } from "./sentences.ts";

const noon = Date.UTC(2026, 10, 24, 12, 0);
const token = {
  aud: "cluster",
  jti: "j",
  iat: (noon / 1000 - 1000) as never,
  nbf: (noon / 1000 + 600) as never,
  exp: (noon / 1000 - 100) as never,
  lift: 1,
  challenge: false,
};

/** Every reason for which an agent refuses a token, and what somebody reads of it at two in the morning. */
const table: Readonly<Record<AgentRefusal, string>> = {
  malformed:
    "This is not an agent token, or not all of it. Copy it again as a whole, or use the downloaded file with -file PATH.",
  wrong_type: "This is signed, but it is not an agent token. Use the file named agent-token-….txt.",
  wrong_algorithm:
    "This token is signed in a way that is not accepted. Generate a new one; it is valid for 15 minutes.",
  unknown_key:
    "This token is signed with a key that this agent does not know: it is of another cluster, or newer than this agent's last connection. Generate a token for this very agent.",
  bad_signature:
    "This token was altered on its way, or not made by the cluster. Copy it again; if that fails too: generate a new one; it is valid for 15 minutes.",
  wrong_cluster: "This token is of another cluster. Generate one in the cluster that this machine belongs to.",
  wrong_tenant: "This token is for another tenant. Generate one for this machine's tenant, or for this agent.",
  wrong_agent: "This token is for another agent. Generate one for this machine; -status shows its agent id.",
  action_not_allowed:
    "This token does not allow lifting service protection. Generate a new one; it is valid for 15 minutes.",
  challenge_mismatch:
    "This token answers another challenge, or this one's 15 minutes are over. Run -challenge and have a token generated for the code it shows now.",
  not_yet_valid:
    "This token is not valid yet (trusted time 14:07 UTC, system clock 14:05 UTC, valid from 2026-11-24 14:17 UTC). Wait until then. If this machine's clock is wrong, run -challenge and have a token generated for the code it shows.",
  expired:
    "This token expired 4 minutes ago (trusted time 14:07 UTC, system clock 14:05 UTC). Generate a new one; it is valid for 15 minutes. If this machine's clock is wrong, run -challenge and have a token generated for the code it shows.",
  clock_not_trusted:
    "This machine's clock was set back, so no token can be judged by it (trusted time 14:07 UTC, system clock 14:05 UTC). Run -challenge and have a token generated for the code it shows, or let the agent reach its cluster.",
  challenge_required:
    "This agent's profile accepts only tokens that answer a challenge. Run -challenge and have a token generated for the code it shows.",
  already_used:
    "This token has been used here and has no lift left to give. Generate a new one; it is valid for 15 minutes.",
  revoked: "This token was revoked. Generate a new one; it is valid for 15 minutes.",
  not_protected: "Service protection is off, so there is nothing to lift. Stop the service as any other.",
};

test.each(Object.entries(table))("%s: %s", (reason, sentence) => {
  const seconds = Date.UTC(2026, 10, 24, 14, 7) / 1000;
  const detail = {
    trustedMs: seconds * 1000,
    systemMs: (seconds - 120) * 1000,
    token: { ...token, nbf: (seconds + 600) as never, exp: (seconds - 240) as never },
  };
  expect(sentenceFor(reason, detail)).toBe(sentence);
});

test("on another day the times say which", () => {
  expect(sentenceFor("clock_not_trusted", { trustedMs: noon, systemMs: noon - 86_400_000 })).toContain(
    "(trusted time 2026-11-24 12:00 UTC, system clock 2026-11-23 12:00 UTC)",
  );
});

test.each([
  ["ENOTFOUND", /name .* not known here \(ENOTFOUND\).*DNS/],
  ["ERR_TLS_CERT_ALTNAME_INVALID", /certificate is for another name/],
  ["SELF_SIGNED_CERT_IN_CHAIN", /certificate is not trusted here.*-ca FILE/],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", /certificate is not trusted here.*-ca FILE/],
  ["CERT_NOT_YET_VALID", /certificate is not trusted here.*this machine's clock/],
  ["ERR_PROXY_TUNNEL", /The proxy does not let the agent through/],
  ["HPE_INVALID_CONSTANT", /does not speak HTTP or HTTPS/],
  ["ECONNREFUSED", /does not answer at that address \(ECONNREFUSED\)/],
  [undefined, /does not answer at that address/],
])("a cluster that is not reached for %s: the sentence says where to look", (systemCode, says) => {
  const sentence = sentenceFor("cluster_unreachable", systemCode === undefined ? {} : { systemCode });
  expect(sentence).toMatch(says);
  expect(sentence).toMatch(/run the same command again\.$/);
});

test("a proxy that wants a log-in is told from something that is no cluster", () => {
  expect(sentenceFor("http_407", {})).toMatch(/^The proxy does not let the agent through/);
  expect(sentenceFor("http_404", {})).toMatch(/is no cluster \(HTTP 404\)/);
});

test.each([
  [0, "0 seconds"],
  [1, "1 second"],
  [59, "59 seconds"],
  [60, "1 minute"],
  [7199, "1 hour 59 minutes"],
  [14_400, "4 hours"],
  [172_800, "2 days"],
])("%d seconds are %s", (seconds, said) => {
  expect(span(seconds)).toBe(said);
});

test("each command has a page of help with an example", () => {
  for (const command of ["unprotect", "protect", "status", "challenge", "explain", "enroll", "version", "service"]) {
    const page = helpText(command);
    expect(page, command).not.toBe(helpText());
    expect(page, command).toMatch(new RegExp(`^ {2}(PosternAgent\\.exe|postern-agent) -${command}`, "m"));
  }
  expect(helpText()).toMatch(/^Examples:\n {2}PosternAgent/m);
});
