import { CommandFailed, exitCodes } from "./cli/failure.ts";
import { asJson } from "./cli/text.ts";
import { ConfigError } from "./config/config-error.ts";
import { examine } from "./doctor.ts";
import { type Finding, problem, worstOf } from "./doctor-check.ts";
import { type NodeCommandsOptions, type NodeFlags, readConfig } from "./node-runs.ts";

export type DoctorFlags = NodeFlags & { readonly json?: true };

/** `postern doctor` */
export async function runDoctor(
  { terminal, clock, randomBytes }: NodeCommandsOptions,
  { json, ...flags }: DoctorFlags,
): Promise<void> {
  const findings = await findingsOf();
  const worst = worstOf(findings);
  terminal.print(json ? asJson({ worst, checks: findings }) : findings.map(lineOf).join(""));
  const summary = summaryOf(findings);
  if (worst === "ok") terminal.say(`${summary}\n`);
  else throw new CommandFailed(worst === "problem" ? exitCodes.problems : exitCodes.warnings, summary);

  /** Settings with which the cluster would not start are what one asks a doctor about, too. */
  async function findingsOf(): Promise<Finding[]> {
    try {
      const ownUser = process.getuid?.() ?? null;
      return await examine({ config: readConfig(terminal, flags), clock, randomBytes, ownUser });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return [problem("settings", error.message, "The cluster does not start until this is right.")];
    }
  }
}

function lineOf({ check, state, found, next }: Finding): string {
  const line = `${state.padEnd(8)} ${check.padEnd(16)} ${found}\n`;
  return next === null ? line : `${line}${" ".repeat(26)}${next}\n`;
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (state: Finding["state"], word: string) => {
    const number = findings.filter((finding) => finding.state === state).length;
    return number === 0 ? [] : [`${number} ${word}${number === 1 ? "" : "s"}`];
  };
  const parts = [...count("problem", "problem"), ...count("warning", "warning")];
  return parts.length === 0 ? "Nothing to do." : `${parts.join(", ")}.`;
}
