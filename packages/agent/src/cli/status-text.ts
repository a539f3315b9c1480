import type { StatusView, UpdateView } from "../commands.ts";
import { span } from "./sentences.ts";
import { second, lines as table } from "./table.ts";

const states = { on: "on", off: "off", lifted: "lifted", unsupported: "unsupported on this operating system" } as const;

const problems = {
  anchor_unreadable: "the trust anchor is damaged: protection stays on, tokens cannot be verified",
  data_unusable: "the agent's data cannot be read or written: protection stays on, no token can be taken",
} as const;

const reasons: Readonly<Record<NonNullable<StatusView["because"]>, (status: StatusView) => string>> = {
  profile: ({ protection }) => `its agent config profile has it ${protection.state}`,
  token: ({ protection }) => `the token ${protection.jti ?? ""} was redeemed`,
  not_enrolled: () => "this machine belongs to no cluster",
};

/** What `-status` prints for people: a line for each thing, the most wanted first. */
export function statusText(status: StatusView): string {
  const { protection, config, link } = status;
  const lines: [string, string][] = [];
  const lift = protection.budgetLeft === undefined ? "" : `, ${span(protection.budgetLeft)} left`;
  lines.push(["service protection", states[protection.state] + lift]);
  if (status.because !== undefined && protection.state !== "unsupported")
    lines.push(["  because", reasons[status.because](status)]);
  // Of a machine that has not enrolled, or whose data is lost, nobody knows.
  if (protection.since > 0) lines.push(["  since", since(status)]);
  for (const [name, layer] of Object.entries(protection.layers)) lines.push([`  ${name}`, layer]);
  for (const { name, state } of protection.services ?? [])
    lines.push([`  service ${name}`, state.replaceAll("_", " ")]);
  if (status.problem) lines.push(["problem", problems[status.problem]]);
  if (status.trustedTime !== undefined) {
    const doubt = status.clockTrusted ? "" : "  (the clock was set back: use -challenge)";
    lines.push(["trusted time", `${second(Date.parse(status.trustedTime))}${doubt}`]);
  }
  lines.push(["system clock", second(Date.parse(status.systemTime))]);
  if (!status.enrolled)
    lines.push(["enrolled", status.pendingEnrolment ? "not yet" : "no; join a cluster with -enroll"]);
  if (status.pendingEnrolment) lines.push(["  waits for", pending(status.pendingEnrolment)]);
  if (status.clusterUrl !== undefined) lines.push(["cluster", status.clusterUrl]);
  if (link) lines.push(["connection", connection(link)]);
  if (config) {
    const refused = config.refused ? `; revision ${config.refused.rev} was refused: ${config.refused.code}` : "";
    lines.push(["config", `revision ${config.rev}${refused}`]);
  }
  if (status.journalWaiting) lines.push(["journal", waiting(status.journalWaiting)]);
  if (status.agentId !== undefined) lines.push(["agent id", status.agentId]);
  if (status.tenantId !== undefined) lines.push(["tenant id", status.tenantId]);
  lines.push(["agent version", status.agentVersion]);
  if (status.update) lines.push(["  wanted", updateText(status.update)]);
  return table(lines);
}

const updateStates: Readonly<Record<UpdateView["state"], string>> = {
  waiting: "it will be fetched soon",
  fetching: "it is being fetched",
  installing: "it is being installed",
  failed: "it could not be installed; it is tried again later",
  lower: "it is lower than this one, and does not replace it",
  not_offered: "the cluster has no package of it",
  unsupported: "this agent does not update itself; install it as you installed this one",
};

function updateText({ version, state, code }: UpdateView): string {
  return `${version}: ${updateStates[state]}${code === undefined ? "" : ` (${code})`}`;
}

function since({ protection, trustedTime }: StatusView): string {
  const at = second(protection.since);
  if (trustedTime === undefined) return at;
  return `${at} (${span(Math.max(0, Math.floor((Date.parse(trustedTime) - protection.since) / 1000)))} ago)`;
}

/** The installer named a cluster, and it is tried again and again. */
function pending({ cluster, trouble }: NonNullable<StatusView["pendingEnrolment"]>): string {
  return `${cluster}, which the installer named${trouble === undefined ? "" : `; now: ${trouble}`}`;
}

function waiting(entries: number): string {
  return entries === 1 ? "1 entry waits for the cluster" : `${entries} entries wait for the cluster`;
}

function connection({ reachedSecondsAgo, trouble }: NonNullable<StatusView["link"]>): string {
  const reached =
    reachedSecondsAgo === undefined ? "not reached since the start" : `reached ${span(reachedSecondsAgo)} ago`;
  return trouble === undefined ? reached : `${reached}; now: ${trouble}`;
}
