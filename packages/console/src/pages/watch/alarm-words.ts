import type { Item } from "../../api/types.ts";

type Alarm = Item<"/api/v1/alarms">;

/** Each kind of alarm in a few words; the alarm itself has a whole sentence. */
export const alarmKindNames: Record<Alarm["kind"], string> = {
  protected_agent_silent: "Protected agent silent",
  lift_overdue: "Lift overdue",
  drift: "Drift",
  would_drop: "Would drop",
  config_refused: "Config refused",
  refusals_in_a_row: "Refusals in a row",
  redemption_never_issued: "Redemption never issued",
  journal_fork: "Journal fork",
  pipe_taken: "Pipe taken",
  token_record_altered: "Token record altered",
};

export const alarmStateNames: Record<Alarm["state"] | "all", string> = {
  open: "Open",
  acknowledged: "Acknowledged",
  resolved: "Resolved",
  all: "All",
};
