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
const whatToDo: Readonly<Partial<Record<string, string>> & Partial<Record<ProblemCode, string>>> = {
  validation_failed: "Correct what is named above; the command's --help shows its flags.",
  malformed_request: "Try again; if it stays so, something between here and the cluster changes requests.",
  cursor_invalid: "Run the command again.",
  unauthenticated: "Run: postern login NAME; or set POSTERN_API_KEY to a key that is valid.",
  login_failed: "Try again; an administrator can set a new password for you.",
  permission_missing: "Ask somebody whose role allows it, or a site administrator for the role.",
  grant_refused: "Ask a site administrator to grant it.",
  csrf_refused: "Use the address under which the cluster knows itself (POSTERN_PUBLIC_URL), or an API key.",
  session_required: "Unset POSTERN_API_KEY and run: postern login NAME.",
  reauthentication_required: "Run it at a terminal, which asks for your password; or give --password-stdin.",
  tls_required: "Use the cluster's https address.",
  not_found: "Check the id; the list command beside this one shows what there is.",
  name_taken: "Choose another name.",
  last_site_admin: "Give the role to somebody else first.",
  precondition_failed: "Somebody changed it meanwhile: look at it again, then repeat your change.",
  password_unacceptable: "Choose a longer password; a sentence works well.",
  login_throttled: "Wait a few minutes, then try again.",
  overloaded: "Wait a moment, then try again.",
  not_ready: "Wait a moment, then try again.",
};

function otherwise({ status, requestId }: Problem): string {
  if (status >= 500) return `Try again; if it stays so, look for request ${requestId ?? "-"} in the cluster's log.`;
  return "This program and the cluster may be of different versions; each command's --help shows its flags.";
}
