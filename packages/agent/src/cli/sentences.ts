import type { RefusalDetail } from "../commands.ts";

const newToken = "Generate a new one; it is valid for 15 minutes.";
const useChallenge =
  "If this machine's clock is wrong, run -challenge and have a token generated for the code it shows.";

/**
 * One plain sentence or two for a refusal: what is the matter, and what to do next. For somebody who has never seen
 * this program and wants to go to bed.
 */
export function sentenceFor(code: string, detail: RefusalDetail): string {
  const write = sentences[code];
  if (write) return write(detail);
  if (code.startsWith("answer_")) {
    return "What answered at that address is not the cluster that this activation key belongs to. Check the address, and whether something stands in between.";
  }
  if (code === "http_407") return proxyRefuses("HTTP 407");
  if (code.startsWith("http_")) {
    return `What answered at that address is no cluster (HTTP ${code.slice(5)}). Check the address and the proxy.`;
  }
  return "The cluster refused this. Look the code up in the documentation, or in the cluster's audit log.";
}

const sentences: Readonly<Record<string, (detail: RefusalDetail) => string>> = {
  malformed: () =>
    "This is not an agent token, or not all of it. Copy it again as a whole, or use the downloaded file with -file PATH.",
  wrong_type: () => "This is signed, but it is not an agent token. Use the file named agent-token-….txt.",
  wrong_algorithm: () => `This token is signed in a way that is not accepted. ${newToken}`,
  unknown_key: () =>
    "This token is signed with a key that this agent does not know: it is of another cluster, or newer than this agent's last connection. Generate a token for this very agent.",
  bad_signature: () =>
    `This token was altered on its way, or not made by the cluster. Copy it again; if that fails too: ${lower(newToken)}`,
  wrong_cluster: () => "This token is of another cluster. Generate one in the cluster that this machine belongs to.",
  wrong_tenant: () => "This token is for another tenant. Generate one for this machine's tenant, or for this agent.",
  wrong_agent: () => "This token is for another agent. Generate one for this machine; -status shows its agent id.",
  action_not_allowed: () => `This token does not allow lifting service protection. ${newToken}`,
  challenge_mismatch: () =>
    "This token answers another challenge, or this one's 15 minutes are over. Run -challenge and have a token generated for the code it shows now.",
  not_yet_valid: (detail) =>
    `This token is not valid yet (${times(detail)}${validFrom(detail)}). Wait until then. ${useChallenge}`,
  expired: (detail) => `This token expired${ago(detail)} (${times(detail)}). ${newToken} ${useChallenge}`,
  clock_not_trusted: (detail) =>
    `This machine's clock was set back, so no token can be judged by it (${times(detail)}). Run -challenge and have a token generated for the code it shows, or let the agent reach its cluster.`,
  challenge_required: () =>
    "This agent's profile accepts only tokens that answer a challenge. Run -challenge and have a token generated for the code it shows.",
  already_used: () => `This token has been used here and has no lift left to give. ${newToken}`,
  revoked: () => `This token was revoked. ${newToken}`,
  not_protected: ({ unprotectedBecause }) =>
    unprotectedBecause === "unsupported"
      ? "Service protection does not exist on this operating system, so there is nothing to lift. Stop the service as any other."
      : unprotectedBecause === "not_enrolled"
        ? "This machine belongs to no cluster, so its service is not protected. Stop it as any other, or join a cluster with -enroll."
        : "Service protection is off, so there is nothing to lift. Stop the service as any other.",
  not_saved: () =>
    "The lift could not be written to disk, so it was not given: after a power cut the token could be used again. Look at the disk that holds the agent's data, then present the token again.",
  anchor_unreadable: () =>
    "The file that says which cluster this agent trusts is damaged, so no token can be verified; protection stays on. Follow the recovery procedure in the documentation.",
  data_unusable: () =>
    "The agent's data cannot be read or written, so no token can be taken; protection stays on. Look at the disk that holds it; the service tries again every few seconds.",
  already_enrolled: () =>
    "This machine has enrolled and its service is protected. Switch protection off in its profile, or lift it with a token, then enrol anew.",
  enrolling_already: () => "Another -enroll is under way. Wait for it to end.",
  key_malformed: () =>
    "This is not an activation key, or not all of it. It begins with postern-ak1. and is one word; copy it again.",
  url_malformed: () => "-cluster needs the cluster's address, such as https://postern.example.com",
  url_insecure: () => "Plain http is for a cluster on this very machine only. Use https.",
  proxy_malformed: () => "-proxy needs an address, such as http://proxy.example.com:3128",
  ca_malformed: () =>
    "The file given with -ca holds no certificate in PEM form, or a broken one. Export it anew (Base-64 encoded X.509).",
  cluster_unreachable: ({ systemCode }) => unreachable(systemCode),
  answer_unknown_key: () =>
    "What answered at that address does not have the root key that this activation key names. Either it is not the cluster that the key belongs to: check the address, and whether something stands in between. Or the cluster's roots have been changed since. Make a new activation key then.",
  activation_key_invalid: () =>
    "The cluster does not know this activation key. Copy it again as a whole, or make a new one in the console.",
  activation_key_revoked: () => "This activation key was revoked. Make a new one in the console.",
  activation_key_expired: () => "This activation key has expired. Make a new one in the console.",
  activation_key_used_up: () => "This activation key has no uses left. Make a new one in the console.",
  protocol_unsupported: () => "This agent is too old or too new for the cluster. Install the agent that belongs to it.",
  service_protected: () =>
    "The Postern agent's service is protected, so it cannot be removed, repaired or replaced. Switch protection off in its profile, or lift it with a token (PosternAgent.exe -unprotect <token>); then try again.",
  installing_itself: () =>
    "This package is one that the cluster allows here. The agent's service has copied and checked it, and installs the copy itself now; this run of the installer changes nothing. PosternAgent.exe -status shows how it goes; C:\\ProgramData\\Postern\\logs has the log.",
  update_under_way: () =>
    "The agent is being updated by another package just now. Wait for it to end (10 minutes at most); then try again.",
  package_unreadable: () =>
    "The agent's service is protected, and cannot read this package to check it. Copy it to a folder on a local disk (not a share or a mapped drive) and run it from there.",
  package_not_listed: () =>
    "The agent's service is protected, and this package is not among those that its cluster allows here. Add it in the console, or switch protection off in the profile, or lift it with a token (PosternAgent.exe -unprotect <token>); then try again.",
  package_not_newer: () =>
    "The agent's service is protected, and this package is of no newer version than the agent that is installed: it replaces nothing. To repair or go back, switch protection off in the profile, or lift it with a token (PosternAgent.exe -unprotect <token>).",
  no_room: () => "There is not enough room on the disk to check and install this package. Make some; then try again.",
  service_silent: () =>
    "The Postern agent's service runs but does not answer, so whether it is protected cannot be told. Wait a moment and try again; if it stays so, restart the machine.",
  service_running: () =>
    "The agent's service is running, so its data stays. Stop the service first, or uninstall the agent.",
  services_guarded: () =>
    "A service of another vendor still has the descriptors that the agent gave it, and what it had before is in the data that would be removed. Start the agent's service with protection off or lifted, so that it gives it back, and try again; the page on other services in the documentation says what else there is to do.",
  foreign_folder: () =>
    "One of the agent's folders was made by somebody who is no administrator, or is a link. Look at what is in it, remove it, and install again.",
  bad_request: () => "The service did not understand this program. Use the one that was installed with it.",
  starting: () => "The service is still starting. Try again in a moment.",
  internal_error: () => "The service failed at this. Try again; if it stays so, restart the machine.",
};

function unreachable(code = "no further word"): string {
  const again = "then run the same command again.";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return `The name in that address is not known here (${code}). Check the address and this machine's DNS; ${again}`;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return `The server's certificate is for another name than the one in that address (${code}). Use the name that it is for; ${again}`;
  if (/CERT|^UNABLE_TO/.test(code))
    return `The server's certificate is not trusted here (${code}). Check this machine's clock and, for an authority of your own, give its certificate with -ca FILE; ${again}`;
  if (code.startsWith("ERR_PROXY")) return proxyRefuses(code);
  if (code.startsWith("HPE_") || code === "EPROTO")
    return `What answers at that address does not speak HTTP or HTTPS as it should (${code}). Check the address with its port and whether it is https; ${again}`;
  return `The cluster does not answer at that address (${code}). Check the address, the network and the proxy; ${again}`;
}

function proxyRefuses(code: string): string {
  return `The proxy does not let the agent through to the cluster (${code}). Check -proxy and what the proxy allows; then run the same command again.`;
}

function times({ trustedMs, systemMs }: RefusalDetail): string {
  if (trustedMs === undefined || systemMs === undefined) return "no time known";
  const sameDay = day(trustedMs) === day(systemMs);
  const show = (ms: number) => (sameDay ? minute(ms) : `${day(ms)} ${minute(ms)}`);
  return `trusted time ${show(trustedMs)} UTC, system clock ${show(systemMs)} UTC`;
}

function ago({ trustedMs, token }: RefusalDetail): string {
  if (trustedMs === undefined || token === undefined) return "";
  return ` ${span(Math.max(0, Math.floor(trustedMs / 1000) - token.exp))} ago`;
}

function validFrom({ token }: RefusalDetail): string {
  return token === undefined ? "" : `, valid from ${day(token.nbf * 1000)} ${minute(token.nbf * 1000)} UTC`;
}

const units: readonly (readonly [number, string])[] = [
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
  [1, "second"],
];

/** Seconds as people say them: "4 minutes", "3 hours 58 minutes". */
export function span(seconds: number): string {
  const found = units.findIndex(([size]) => seconds >= size);
  const [size, name] = units[found] ?? [1, "second"];
  const [nextSize, nextName] = units[found + 1] ?? [1, "second"];
  const rest = Math.floor((seconds % size) / nextSize);
  const detailed = size >= 3_600 && rest > 0 ? ` ${count(rest, nextName)}` : "";
  return count(Math.floor(seconds / size), name) + detailed;
}

function count(number: number, name: string): string {
  return `${number} ${name}${number === 1 ? "" : "s"}`;
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function minute(ms: number): string {
  return new Date(ms).toISOString().slice(11, 16);
}

function lower(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
