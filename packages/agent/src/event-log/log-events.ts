import type { EntryData } from "../core/state.ts";

export type LogSeverity = "information" | "warning" | "error";

/** What the system's own log is told of one kind of thing that happens. */
interface LogEventKind {
  /** What programs filter by. It never means anything else; 1 to 1000, see `docs/decisions/the-event-log-has-no-file-of-ours.md`. */
  readonly id: number;
  readonly severity: LogSeverity;
  /** `{name}` stands for that member of the data; what is in `[…]` is left out where its member is missing. */
  readonly sentence: string;
  /** What a person does about it; nothing where there is nothing to do. */
  readonly advice?: string;
}

/** Everything that is told. `docs/event-log.md` lists it in these words. */
export const logEvents = {
  service_started: {
    id: 100,
    severity: "information",
    sentence: "The agent's service has started, version {version}.",
  },
  not_enrolled: {
    id: 101,
    severity: "information",
    sentence: "The agent's service has started. This machine belongs to no cluster, so its service is not protected.",
    advice: "Join a cluster with PosternAgent.exe -enroll.",
  },
  service_stopping: { id: 102, severity: "information", sentence: "The agent's service ends ({reason})." },
  enrolled: { id: 110, severity: "information", sentence: "This machine has joined a cluster." },
  state_lost: {
    id: 120,
    severity: "error",
    sentence: "What the agent had written down of its state could not be read. Service protection is on.",
    advice: "Look at the disk that holds the agent's data. Tokens that were used here before are not accepted again.",
  },
  journal_lost: {
    id: 121,
    severity: "warning",
    sentence: "The agent's journal could not be read. It was laid aside, and a new one was begun.",
    advice: "Look at the disk that holds the agent's data.",
  },
  anchor_unreadable: {
    id: 122,
    severity: "error",
    sentence:
      "The file that says which cluster this agent trusts is damaged. Service protection stays on, and no token can be verified.",
    advice: "Follow the recovery procedure in the documentation.",
  },
  data_unusable: {
    id: 123,
    severity: "error",
    sentence: "The agent's data cannot be read or written. Service protection stays on, and no token can be taken.",
    advice: "Look at the disk that holds the agent's data; the service tries again every few seconds.",
  },
  data_usable: { id: 124, severity: "information", sentence: "The agent's data can be used again." },
  protection_on: {
    id: 200,
    severity: "information",
    sentence: "Service protection is on: the agent config profile switched it on (revision {rev}).",
  },
  protection_off: {
    id: 201,
    severity: "warning",
    sentence: "Service protection is off: the agent config profile switched it off (revision {rev}).",
  },
  redeemed: {
    id: 202,
    severity: "warning",
    sentence:
      "Service protection is lifted for {liftSeconds} seconds at most: the agent token {jti} was redeemed (made for: {audience}).",
    advice:
      "It comes back by itself, or with PosternAgent.exe -protect. The cluster knows who generated the token and why.",
  },
  resumed: {
    id: 203,
    severity: "warning",
    sentence: "Service protection is lifted again, for the {leftSeconds} seconds that the agent token {jti} had left.",
  },
  rearmed: { id: 204, severity: "information", sentence: "Service protection is on again ({cause})." },
  changed_in_lift: {
    id: 205,
    severity: "warning",
    sentence: "While service protection was lifted, this was changed: {changed}. It was set back.",
    advice: "Was that part of the maintenance? If not, find out who was at this machine during the lift.",
  },
  token_refused: {
    id: 300,
    severity: "warning",
    sentence: "The agent token {jti}, which the cluster signed for this agent, was refused: {reason}.",
    advice: "PosternAgent.exe -explain says what a token is and what to do. If nobody works here, look who does.",
  },
  input_refused: {
    id: 301,
    severity: "warning",
    sentence: "Something that is no agent token for this agent was presented as one, and was refused: {reason}.",
    advice: "If nobody works on this machine, somebody there tries to lift service protection.",
  },
  drift_set_back: {
    id: 400,
    severity: "warning",
    sentence: "Somebody changed what protects the agent ({layer}[ of {service}]: {found}). It was set back.",
    advice: "Find out who or what did: a person, a script, or a group policy.",
  },
  drift_stays: {
    id: 401,
    severity: "error",
    sentence: "Somebody changed what protects the agent ({layer}[ of {service}]: {found}). It could not be set back.",
    advice: "PosternAgent.exe -status says what failed. The agent tries again every minute.",
  },
  pipe_taken: {
    id: 402,
    severity: "error",
    sentence: "Another program holds the agent's pipe, so the agent's command line reaches nobody.",
    advice: "Find the program that made \\\\.\\pipe\\postern-agent and end it. It is given no token.",
  },
  pipe_ours: { id: 403, severity: "information", sentence: "The agent's pipe is its own again." },
  config_refused: {
    id: 500,
    severity: "warning",
    sentence: "The agent refuses what the cluster wants of it (revision {rev}): {code}.",
    advice: "It keeps what it applied before. The cluster's alarm says the same.",
  },
  update_started: {
    id: 600,
    severity: "information",
    sentence: "The agent's version {from} lets itself be replaced by version {version}, which the cluster named.",
  },
  updated: {
    id: 601,
    severity: "information",
    sentence: "The agent was replaced: version {version} follows version {from}.",
  },
  update_failed: {
    id: 602,
    severity: "warning",
    sentence: "Version {version} of the agent could not be installed: {code}.",
    advice: "The agent goes on as it is and tries again later.",
  },
  update_refused: {
    id: 603,
    severity: "warning",
    sentence: "A package that may not replace the agent was refused[: {code}].",
    advice:
      "If nobody installs anything here, look who does. Only packages that the cluster names may replace a protected agent.",
  },
  service_left_alone: {
    id: 700,
    severity: "warning",
    sentence: "The service {service}, which the agent config profile names, is not guarded: {reason}.",
    advice: "The page on other services in the documentation says what this reason means.",
  },
} as const satisfies Record<string, LogEventKind>;

export type LogEventName = keyof typeof logEvents;

/** One event as it is written. */
export interface LogEvent {
  readonly id: number;
  readonly severity: LogSeverity;
  /** Whole sentences for people. */
  readonly text: string;
  /** The same for programs: a line of JSON. */
  readonly data: string;
}

/** `unrecorded` of the data, or more than that, tells of how many of the kind nothing was written. */
export function logEvent(name: LogEventName, data: EntryData, unwritten = 0): LogEvent {
  const { id, severity, ...words }: LogEventKind = logEvents[name];
  const counted = Number(data["unrecorded"] ?? 0) + unwritten;
  const sentences = [
    filled(words.sentence, data),
    ...(counted > 0 ? [`${counted} more like it were only counted.`] : []),
    ...(words.advice === undefined ? [] : [words.advice]),
  ];
  return { id, severity, text: sentences.join(" "), data: JSON.stringify({ event: name, ...data }) };
}

function filled(sentence: string, data: EntryData): string {
  return sentence
    .replace(/\[([^\]]*\{(\w+)\}[^\]]*)\]/g, (_, part: string, member: string) =>
      data[member] === undefined ? "" : part,
    )
    .replace(/\{(\w+)\}/g, (_, member: string) => plain(String(data[member] ?? "unknown")));
}

/**
 * Whoever changed something may have chosen the words. Event viewers put texts of their own where a percent sign and a
 * number stand (ReportEventW, "Remarks").
 */
function plain(text: string): string {
  return text.replace(/[^ -~]/g, "?").replaceAll("%", "_");
}
