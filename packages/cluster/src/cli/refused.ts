import { type ProblemCode, problems } from "../http/problems.ts";
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
    super(exitCodes.refused, `${visible(sayingWhy(problem))} (${visible(problem.code)})`, [
      ...faults,
      nextStep(problem),
    ]);
    this.problem = problem;
  }
}

/** The title and what is said of this very case; general advice to programs is left out, ours follows. */
function sayingWhy({ title, detail, code }: Problem): string {
  return detail === adviceOf(code) ? title : `${title}: ${detail}`;
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

/** Where the API's own advice is for programs that send requests, and not for people who type commands. */
const whatToDo: Readonly<Partial<Record<ProblemCode, string>>> = {
  validation_failed: "Correct what is named above; the command's --help shows its flags.",
  malformed_request: "Try again; if it stays so, something between here and the cluster changes requests.",
  cursor_invalid: "Run the command again.",
  unauthenticated: "Run: postern login NAME; or set POSTERN_API_KEY to a key that is valid.",
  csrf_refused: "Use the address under which the cluster knows itself (POSTERN_PUBLIC_URL), or an API key.",
  session_required: "Unset POSTERN_API_KEY and run: postern login NAME.",
  reauthentication_required: "Run it at a terminal, which asks for your password; or give --password-stdin.",
  tls_required: "Use the cluster's https address.",
  package_wanted: "Change these profiles first, or repeat it with --force.",
  not_found: "Check the id; the list command beside this one shows what there is.",
  precondition_failed: "Look at it again, then repeat your change.",
  login_throttled: "Wait a few minutes, then try again.",
  user_from_provider: "Change it at the identity provider; postern user disable locks a user out at once.",
  overloaded: "Wait a moment, then try again.",
};

function nextStep({ code, status, requestId }: Problem): string {
  const known = whatToDo[code as ProblemCode] ?? adviceOf(code);
  if (status === 500) return `Try again; if it stays so, look for request ${requestId ?? "-"} in the cluster's log.`;
  return known ?? "This program knows no such refusal: the cluster may be newer than it.";
}

function adviceOf(code: string): string | undefined {
  return Object.hasOwn(problems, code) ? problems[code as ProblemCode][2] : undefined;
}
