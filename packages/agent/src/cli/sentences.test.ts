import { TokenRefused } from "@postern/token";
import { expect, test } from "vitest";
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

test.each([
  {
    code: "expired",
    detail: { trustedMs: noon, systemMs: noon, token },
    says: "This token expired 1 minute ago (trusted time 12:00 UTC, system clock 12:00 UTC). Generate a new one; it is valid for 15 minutes. If this machine's clock is wrong, run -challenge and have a token generated for the code it shows.",
  },
  {
    code: "not_yet_valid",
    detail: { trustedMs: noon, systemMs: noon, token },
    says: "This token is not valid yet (trusted time 12:00 UTC, system clock 12:00 UTC, valid from 2026-11-24 12:10 UTC). Wait until then. If this machine's clock is wrong, run -challenge and have a token generated for the code it shows.",
  },
  {
    code: "clock_not_trusted",
    detail: { trustedMs: noon, systemMs: noon - 86_400_000 },
    says: "This machine's clock was set back, so no token can be judged by it (trusted time 2026-11-24 12:00 UTC, system clock 2026-11-23 12:00 UTC). Run -challenge and have a token generated for the code it shows, or let the agent reach its cluster.",
  },
])("$code names both times and -challenge", ({ code, detail, says }) => {
  expect(sentenceFor(code, detail)).toBe(says);
});

test("every reason of a token and of an agent has a sentence of its own", () => {
  const reasons = [
    ...["malformed", "wrong_type", "wrong_algorithm", "unknown_key", "bad_signature", "wrong_cluster", "wrong_tenant"],
    ...["wrong_agent", "not_yet_valid", "expired", "challenge_mismatch", "action_not_allowed"],
    ...["already_used", "revoked", "clock_not_trusted", "challenge_required", "not_protected"],
  ];
  const fallback = sentenceFor("no_such_code", {});
  for (const reason of reasons) {
    expect(sentenceFor(reason, {}), reason).not.toBe(fallback);
    expect(sentenceFor(reason, {}), reason).toMatch(/\. .*[A-Z].*\.|\. Wait/);
  }
  expect(new TokenRefused("expired").reason).toBe("expired");
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
  for (const command of ["unprotect", "protect", "status", "challenge", "explain", "enroll", "service"]) {
    expect(helpText(command)).toContain(`-${command}`);
    expect(helpText(command)).not.toBe(helpText());
  }
});
