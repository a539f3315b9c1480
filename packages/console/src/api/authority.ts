import { externalValue } from "../shared/external-value.ts";
import { ApiProblem } from "./problem.ts";

/** What the person in front of the page is asked for before a request can succeed. */
export type Demand = "log_in" | "password_again";

interface OpenDemand {
  readonly demand: Demand;
  /** Told once: true when it was given. */
  readonly settle: (given: boolean) => void;
}

/** What is asked for at this moment; the dialogs in app/ show it. */
export const openDemand = externalValue<OpenDemand | null>(null);

let pending: { demand: Demand; answer: Promise<boolean> } | undefined;

/** Asks for it, once for all that wait for the same. */
export function ask(demand: Demand): Promise<boolean> {
  if (pending?.demand === demand) return pending.answer;
  const answer = new Promise<boolean>((resolve) => {
    openDemand.set({
      demand,
      settle(given) {
        pending = undefined;
        openDemand.set(null);
        resolve(given);
      },
    });
  });
  pending = { demand, answer };
  return answer;
}

const demandOf: Readonly<Record<string, Demand>> = {
  unauthenticated: "log_in",
  reauthentication_required: "password_again",
};

/** What has to be given before a request that failed so can succeed. */
export function demandBehind(error: unknown): Demand | undefined {
  return error instanceof ApiProblem ? demandOf[error.code] : undefined;
}

/** True when the person did not give what was asked for: nothing that has to be told. */
export function wasDeclined(error: unknown): boolean {
  return demandBehind(error) !== undefined;
}

/**
 * Does something that may need a log-in, or the password again, asks for it where that is so, and does it again. What was
 * typed stays where it is.
 *
 * @throws {ApiProblem} also the one that asked, when the person declines: see {@link wasDeclined}
 */
export async function withAuthority<Result>(act: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      const demand = demandBehind(error);
      if (demand === undefined || !(await ask(demand))) throw error;
    }
  }
}
