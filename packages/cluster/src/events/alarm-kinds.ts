export const alarmSeverities = ["problem", "warning"] as const;
export type AlarmSeverity = (typeof alarmSeverities)[number];

/** What people are told of one kind of alarm. */
export interface AlarmKindInfo {
  /** Unless the case at hand says otherwise. */
  readonly severity: AlarmSeverity;
  /** It is about something that goes on, and resolves by itself when that ends. Otherwise it is about something that happened. */
  readonly lasts: boolean;
  readonly title: string;
  readonly advice: string;
}

/** Every kind of alarm. Names are API: they do not change their meaning. */
export const alarmKinds = {
  redemption_never_issued: {
    severity: "problem",
    lasts: false,
    title: "An agent redeemed a token that the cluster never issued for it",
    advice:
      "Treat the token key as copied until you know better: look at the keys and at the audit log, and mark the key as compromised. " +
      "After a restored backup, tokens of the time that the backup does not have are expected here, as warnings.",
  },
  refusals_in_a_row: {
    severity: "warning",
    lasts: false,
    title: "Tokens were refused on an agent, one after the other",
    advice: "Ask who worked on that machine. If nobody did, somebody there tries to lift protection.",
  },
  drift: {
    severity: "problem",
    lasts: false,
    title: "Protection was tampered with, and the agent has set it back",
    advice:
      "The agent's journal says which layer. Find out who changed it; if it was a group policy, except the agent from it.",
  },
  pipe_taken: {
    severity: "problem",
    lasts: false,
    title: "Another program holds the agent's pipe",
    advice: "Find the program on that machine: it waits for somebody to type a token into it.",
  },
  config_refused: {
    severity: "warning",
    lasts: true,
    title: "An agent refuses what the cluster wants of it",
    advice: "The code says why. The agent keeps what it applied before.",
  },
  would_drop: {
    severity: "warning",
    lasts: true,
    title: "An agent's facts alone would take its protection away",
    advice:
      "Confirm the drop if the change of the machine is real, or correct the intents. Until then the agent stays protected.",
  },
  lift_overdue: {
    severity: "problem",
    lasts: true,
    title: "An agent was lifted and has not come back in time",
    advice: "Its lift must have ended by now. Look at the machine: protection is off, or the agent is stopped.",
  },
  protected_agent_silent: {
    severity: "problem",
    lasts: true,
    title: "A protected agent is silent",
    advice: "Is the machine off, or cut off? If it runs and is connected, its agent has been stopped or suspended.",
  },
  journal_fork: {
    severity: "problem",
    lasts: false,
    title: "An agent's journal contradicts what it delivered before",
    advice:
      "The machine was cloned, or was put back to an older state, or its journal was written anew. Enrol a clone on its own.",
  },
  token_record_altered: {
    severity: "problem",
    lasts: false,
    title: "The record of an agent token was altered in the database",
    advice: "The token was not given. Find out who can write to the database, and verify the audit log.",
  },
} as const satisfies Record<string, AlarmKindInfo>;

export type AlarmKind = keyof typeof alarmKinds;
export const alarmKindNames = Object.keys(alarmKinds) as AlarmKind[];
