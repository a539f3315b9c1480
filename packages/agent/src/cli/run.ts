import { groupChallenge } from "@postern/token";
import {
  type Command,
  type CommandAnswer,
  type CommandResult,
  formatCommand,
  type RefusalDetail,
} from "../commands.ts";
import { type Platform, ServiceUnreachable } from "../ports.ts";
import { agentVersion } from "../release.ts";
import { type InstallerStep, type Invocation, installerSteps, UsageError } from "./arguments.ts";
import { exitCodes } from "./exit-codes.ts";
import { readUnverified, tokenText, unverifiedText } from "./explain-text.ts";
import { helpText } from "./help.ts";
import { type ReadInput, readCertificates, readKey, readToken } from "./input.ts";
import { runInstallerStep } from "./installer-steps.ts";
import { sentenceFor, span } from "./sentences.ts";
import { statusText } from "./status-text.ts";

/** What a command writes to, and where standard input comes from. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  readonly readInput: ReadInput;
}

/**
 * Carries out one command and gives its exit code. Only the service acts; this process asks it.
 *
 * @throws {UsageError}
 */
export async function runCommand(
  invocation: Exclude<Invocation, { run: "service" }>,
  platform: () => Platform | Promise<Platform>,
  terminal: Terminal,
): Promise<number> {
  if (invocation.run === "help") {
    terminal.out(helpText(invocation.about));
    return exitCodes.done;
  }
  if (invocation.run === "version") {
    terminal.out(`${agentVersion}\n`);
    return exitCodes.done;
  }
  const step = installerStepOf(invocation);
  const command = commandOf(invocation, terminal);
  const { isElevated, send, installer, folders } = await platform();
  if (!isElevated()) {
    terminal.err(
      'not_administrator: Only an administrator may do this. Open the prompt with "Run as administrator"; elsewhere than on Windows, use sudo.\n',
    );
    return exitCodes.notAdministrator;
  }
  if (step)
    return runInstallerStep(step, { installer, dataFolder: folders.data, ask: () => ask(send, command) }, terminal);
  const answer = await ask(send, command);
  if (command.command === "explain" && !(answer?.ok && "explained" in answer.result)) {
    const unverified = readUnverified(command.token);
    if (unverified) terminal.out(unverifiedText(unverified));
  }
  if (answer === undefined) {
    terminal.err(
      "service_unreachable: The agent's service does not answer. Is it running? To start it on Windows: sc start PosternAgent\n",
    );
    return exitCodes.noAnswer;
  }
  if (!answer.ok) return refuse(terminal, answer.code, answer.detail);
  return show(answer.result, command, invocation, terminal);
}

function installerStepOf({ run }: Invocation): InstallerStep | undefined {
  return installerSteps.find((step) => step === run);
}

function commandOf(invocation: Invocation, terminal: Terminal): Command {
  switch (invocation.run) {
    case "unprotect":
    case "explain":
      return { command: invocation.run, token: readToken(invocation.source, terminal.readInput) };
    case "enroll":
      return {
        command: "enroll",
        cluster: invocation.cluster,
        key: typeof invocation.key === "string" ? invocation.key : readKey(terminal.readInput),
        ...(invocation.caFile === undefined ? {} : { ca: readCertificates(invocation.caFile) }),
        ...(invocation.proxy === undefined ? {} : { proxy: invocation.proxy }),
      };
    case "protect":
    case "status":
    case "challenge":
      return { command: invocation.run };
    case "guard-check":
      return {
        command: "installer_asks",
        ...(invocation.package === undefined ? {} : { package: invocation.package }),
      };
    case "installer-done":
      return { command: "installer_done" };
    case "wait-stopped":
    case "folder-check":
    case "remove-data":
      // They ask the service manager, not the service.
      return { command: "status" };
    default:
      throw new UsageError("This is not a command for the service.");
  }
}

async function ask(send: Platform["send"], command: Command): Promise<CommandAnswer | undefined> {
  try {
    return JSON.parse(await send(formatCommand(command))) as CommandAnswer;
  } catch (error) {
    if (error instanceof ServiceUnreachable || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function refuse(terminal: Terminal, code: string, detail: RefusalDetail): number {
  terminal.err(`${code}: ${sentenceFor(code, detail)}\n`);
  return exitCodes.refused;
}

function show(result: CommandResult, command: Command, invocation: Invocation, terminal: Terminal): number {
  if ("unprotected" in result) {
    const begin = { redeemed: "Service protection is lifted", resumed: "The lift goes on", running: "The lift is on" };
    terminal.out(
      `${begin[result.unprotected]}: ${span(result.leftSeconds)} left. The service can be stopped now.\n` +
        "Protection comes back when that is over, when the restarted service reaches its cluster, or with -protect.\n",
    );
  } else if ("protected" in result) {
    terminal.out(
      result.protected === "on" ? "The service is protected again.\n" : "The service is protected already.\n",
    );
  } else if ("challenge" in result) {
    terminal.out(`${groupChallenge(result.challenge)}\n`);
    terminal.err(challengeSteps(result.validSeconds));
  } else if ("explained" in result) {
    const kid = command.command === "explain" ? readUnverified(command.token)?.kid : undefined;
    terminal.out(tokenText(result.explained, kid, result.detail.trustedMs));
    const { refusal } = result.explained;
    if (refusal !== undefined) return refuse(terminal, refusal, { ...result.detail, token: result.explained });
    terminal.err("Nothing was changed. To lift service protection with it: PosternAgent.exe -unprotect <token>\n");
  } else if ("enrolled" in result) {
    terminal.out(`Enrolled as agent ${result.enrolled.agentId} of tenant ${result.enrolled.tenantId}.\n`);
  } else if ("status" in result) {
    const json = invocation.run === "status" && invocation.json;
    terminal.out(json ? `${JSON.stringify(result.status, undefined, 2)}\n` : statusText(result.status));
  }
  return exitCodes.done;
}

/** Standard error: standard output has the challenge alone, for programs. */
function challengeSteps(validSeconds: number): string {
  return `What to do with it, within ${span(validSeconds)} and before the service restarts:
  1. Read it to somebody who may generate agent tokens. A mistyped one is noticed there at once.
  2. In the console he opens Manage > Workloads > Agents > Agent List, this machine, Agent Token, and enters it under
     Challenge. Or: postern token generate --agent HOST --reason TEXT --challenge XXXX-XXXX-XXXX-XXXX
  3. Here: PosternAgent.exe -unprotect <token>
This machine's clock plays no part in that. The token is accepted once; another -challenge makes this one void.
`;
}
