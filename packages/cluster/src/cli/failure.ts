/** What the shell sees. 0 is done, 1 is a defect of this program; the last two are what `postern doctor` found. */
export const exitCodes = { wrongUsage: 2, refused: 3, unreachable: 4, warnings: 6, problems: 7 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command: what went wrong, and what the person at the terminal can do next. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  readonly exitCode: ExitCode;
  /** Lines below the first: candidates, faults one by one, what to do next. */
  readonly more: readonly string[];

  constructor(exitCode: ExitCode, message: string, more: readonly string[] = []) {
    super(message);
    this.exitCode = exitCode;
    this.more = more;
  }
}

/** The command was used wrongly, or names something that is not there. */
export function wrongUsage(message: string, ...more: readonly string[]): CommandFailed {
  return new CommandFailed(exitCodes.wrongUsage, message, more);
}
