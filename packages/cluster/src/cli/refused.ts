import type { ProblemCode } from "../http/problems.ts";
import { CommandFailed, exitCodes } from "./failure.ts";
import { visible } from "./text.ts";

/** An error answer of the management API (RFC 9457). */
export interface Problem {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly requestId?: string;
  readonly errors?: readonly { readonly pointer: string; readonly code: string; readonly detail: string }[];
}

/** The cluster said no. Branch on `problem.code`. */
export class ApiRefused extends CommandFailed {
  readonly problem: Problem;

  constructor(problem: Problem) {
    const faults = (problem.errors ?? []).map(({ pointer, detail }) => visible(`  ${pointer || "/"}: ${detail}`));
    const next = whatToDo[problem.code] ?? otherwise(problem);
    super(exitCodes.refused, `${visible(`${problem.title}: ${problem.detail}`)} (${visible(problem.code)})`, [
      ...faults,
      next,
    ]);
    this.problem = problem;
  }
}

/** Whether the cluster refused with this very code. */
export function isRefusedWith(error: unknown, code: ProblemCode): error is ApiRefused {
  return error instanceof ApiRefused && error.problem.code === code;
}

/** The problem of an answer, or undefined when the answer is none of the management API's. */
export function parseProblem(text: string): Problem | undefined {
  try {
    const problem = JSON.parse(text) as Partial<Problem>;
    const texts = [problem.title, problem.detail, problem.code];
    const isProblem = texts.every((member) => typeof member === "string") && typeof problem.status === "number";
    return isProblem ? (problem as Problem) : undefined;
  } catch {
    return undefined;
  }
}

/** What an operator can do about a refusal; the API's own sentences know nothing of this program. */
const whatToDo: Readonly<Record<string, string>> = {};

function otherwise({ status, requestId }: Problem): string {
  if (status >= 500) return `Try again; if it stays so, look for request ${requestId ?? "-"} in the cluster's log.`;
  return "postern --help shows the commands, and each command's --help its flags.";
}
