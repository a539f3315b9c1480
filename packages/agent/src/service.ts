import { type Command, type CommandAnswer, parseCommand, refuse } from "./commands.ts";
import type { PersistedState } from "./core/state.ts";
import { enrolAsInstalled } from "./enrol-as-installed.ts";
import {
  adoptEnrolment,
  type EnrolledAgent,
  factsOf,
  newNonce,
  resumeAgent,
  type ServicePorts,
} from "./enrolled-agent.ts";
import { type Enrolment, enrolAt, type PreviousIdentity } from "./enrolment.ts";
import { stopMs } from "./limits.ts";
import { EnrolmentFailed } from "./link/enrol.ts";
import { performCommand } from "./perform-command.ts";
import { AlreadyRunning, type LayerReport, type StopReason } from "./ports.ts";
import { NotSaved } from "./running-agent.ts";
import { type Standing, statusOf } from "./status.ts";
import { type AnchorReading, readTrustAnchor, type TrustAnchor } from "./store/trust-anchor.ts";

const listenAgainMs = 10_000;
const startAgainMs = 3_000;

/**
 * Wires the agent together and starts it: trust anchor, command channel, guard, the rest. A later one that fails takes
 * none of the earlier ones with it, so `-unprotect` works whenever anything does.
 *
 * @throws {AlreadyRunning}
 */
export async function startService(ports: ServicePorts): Promise<{ onStop(reason: StopReason): Promise<void> }> {
  const { platform, fs, clock, log } = ports;
  const { data } = platform.folders;
  let standing: Standing | undefined;
  let enrolling = false;
  let stopped = false;
  let again: NodeJS.Timeout | undefined;

  try {
    fs.makeFolder(data);
  } catch (error) {
    log(`the data folder cannot be made: ${messageOf(error)}`);
  }
  const anchor = readTrustAnchor(fs, data);
  const channel = listen();
  await channel.tried;
  standing = startAs(anchor);
  const installed = enrolAsInstalled(platform.installer, enroll, ports);
  return { onStop };

  function startAs(anchor: AnchorReading): Standing {
    if (anchor === "none") return { is: "not_enrolled", layers: guarded("disarm") };
    if (anchor !== "unreadable") return resume(anchor);
    // Whose agent this is cannot be told any more; that it was protected can.
    log("the trust anchor cannot be read: protection stays on");
    return { is: "anchor_unreadable", layers: guarded("arm") };
  }

  /**
   * Without its data it cannot work, but protect, answer, and try again: a disk may come back. With the trust anchor it
   * has: one that has vanished since would mean "not enrolled".
   */
  function resume(trusted: TrustAnchor): Standing {
    try {
      return { is: "enrolled", agent: resumeAgent(trusted, ports) };
    } catch (error) {
      if (standing?.is !== "data_unusable")
        log(`the agent's data cannot be used, protection stays on: ${messageOf(error)}`);
      again = setTimeout(() => {
        standing = resume(trusted);
      }, startAgainMs);
      return { is: "data_unusable", layers: guarded("arm") };
    }
  }

  function guarded(call: "arm" | "disarm"): LayerReport {
    if (!platform.guard.supported) return {};
    try {
      return platform.guard[call]();
    } catch (error) {
      return { guard: `failed: ${messageOf(error)}` };
    }
  }

  async function onStop(reason: StopReason): Promise<void> {
    stopped = true;
    clearTimeout(again);
    installed.stop();
    if (standing?.is === "enrolled") {
      standing.agent.running.apply({ type: "stopping", reason });
      await within(stopMs, standing.agent.stop());
    }
    await within(stopMs, channel.close());
  }

  /** Opens the channel, and tries again while somebody else has its name: protection does not wait for it. */
  function listen(): { readonly tried: Promise<void>; close(): Promise<void> } {
    let open: { close(): Promise<void> } | undefined;
    let again: NodeJS.Timeout | undefined;
    const attempt = async (): Promise<void> => {
      try {
        open = await platform.listener.listen(answer);
      } catch (error) {
        if (error instanceof AlreadyRunning) throw error;
        log(`the command line cannot reach this service: ${messageOf(error)}`);
        again = setTimeout(() => {
          if (!stopped) attempt().catch((later: unknown) => log(messageOf(later)));
        }, listenAgainMs);
      }
    };
    return {
      tried: attempt(),
      async close() {
        clearTimeout(again);
        await open?.close();
      },
    };
  }

  async function answer(line: string): Promise<string> {
    const command = parseCommand(line);
    let reply: CommandAnswer;
    try {
      if (!command) reply = refuse("bad_request");
      else if (!standing) reply = refuse("starting");
      else reply = await perform(command, standing);
    } catch (error) {
      log(`command failed: ${messageOf(error)}`);
      reply = refuse(error instanceof NotSaved ? "not_saved" : "internal_error");
    }
    return JSON.stringify(reply);
  }

  async function perform(command: Command, now: Standing): Promise<CommandAnswer> {
    if (command.command === "status") return { v: 1, ok: true, result: { status: statusOf(now, ports) } };
    if (command.command === "enroll") return enroll(command);
    if (now.is !== "enrolled") {
      return now.is !== "not_enrolled"
        ? refuse(now.is)
        : refuse("not_protected", { unprotectedBecause: platform.guard.supported ? "not_enrolled" : "unsupported" });
    }
    return performCommand(command, now.agent, ports);
  }

  async function enroll(command: Extract<Command, { command: "enroll" }>): Promise<CommandAnswer> {
    const { cluster: url, key, ca, proxy } = command;
    if (isProtected()) return refuse("already_enrolled");
    if (enrolling) return refuse("enrolling_already");
    enrolling = true;
    try {
      const previous = standing?.is === "enrolled" ? previousOf(standing.agent) : undefined;
      const enrolment = await enrolAt(
        { url, ...(ca === undefined ? {} : { ca }), ...(proxy === undefined ? {} : { proxy }) },
        key,
        {
          fs,
          folder: data,
          clock,
          facts: factsOf(ports),
          newId: ports.newId,
          newNonce: () => newNonce(ports),
          ...(previous ? { previous } : {}),
          ...(ports.exchangeWith ? { exchangeWith: ports.exchangeWith } : {}),
        },
      );
      // The cluster it still belongs to may have switched protection on meanwhile.
      if (isProtected()) return refuse("already_enrolled");
      const before = standing?.is === "enrolled" ? standing.agent : undefined;
      await before?.stop();
      standing = { is: "enrolled", agent: adopt(enrolment, before?.persisted()) };
      const { agentId, tenantId } = enrolment.anchor;
      return { v: 1, ok: true, result: { enrolled: { agentId, tenantId } } };
    } catch (error) {
      if (!(error instanceof EnrolmentFailed)) throw error;
      return refuse(error.code, error.systemCode === undefined ? {} : { systemCode: error.systemCode });
    } finally {
      enrolling = false;
    }
  }

  /** Should it not get written down, the machine stays what it was. */
  function adopt(enrolment: Enrolment, previous: PersistedState | undefined): EnrolledAgent {
    try {
      return adoptEnrolment(enrolment, previous, ports);
    } catch (error) {
      standing = startAs(readTrustAnchor(fs, data));
      throw error;
    }
  }

  function isProtected(): boolean {
    if (standing?.is === "enrolled") return standing.agent.running.state().protection.state === "on";
    return standing?.is !== "not_enrolled";
  }
}

function previousOf({ anchor, running }: EnrolledAgent): PreviousIdentity {
  const { roots, pinned } = running.bundle();
  return { anchor, roots: new Set([...anchor.pinnedRoots, ...pinned.thumbprints, ...roots]) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whichever comes first: an orderly end, or the end of our patience with it. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, patience]);
  clearTimeout(timer);
}
