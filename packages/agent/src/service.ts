import { openChannel } from "./command-channel.ts";
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
import { type GuardAlone, guardAlone } from "./guard-alone.ts";
import { layersOf } from "./layers-of.ts";
import { stopMs } from "./limits.ts";
import { EnrolmentFailed } from "./link/enrol.ts";
import { messageOf } from "./message-of.ts";
import { performCommand } from "./perform-command.ts";
import type { StopReason } from "./ports.ts";
import { NotSaved } from "./running-agent.ts";
import { type Damage, type Standing, statusOf } from "./status.ts";
import { type AnchorReading, readTrustAnchor, type TrustAnchor } from "./store/trust-anchor.ts";

const startAgainMs = 3_000;

/**
 * Wires the agent together and starts it: trust anchor, command channel, guard, the rest. A later one that fails takes
 * none of the earlier ones with it, so `-unprotect` works whenever anything does.
 *
 * @throws {AlreadyRunning}
 */
export async function startService(ports: ServicePorts): Promise<{ onStop(reason: StopReason): Promise<void> }> {
  const { platform, fs, clock, events, log } = ports;
  const { data } = platform.folders;
  let standing: Standing | undefined;
  let enrolling = false;
  let again: NodeJS.Timeout | undefined;
  let alone: GuardAlone | undefined;
  let pipeTaken = false;

  try {
    fs.makeFolder(data);
  } catch (error) {
    log(`the data folder cannot be made: ${messageOf(error)}`);
  }
  const anchor = readTrustAnchor(fs, data);
  const channel = openChannel(platform.listener, answer, {
    taken() {
      pipeTaken = true;
      tellOfPipe();
    },
    ours() {
      pipeTaken = false;
      events?.report("pipe_ours");
    },
    log,
  });
  await channel.tried;
  standing = startAs(anchor);
  tellOfPipe();
  const installed = enrolAsInstalled(platform.installer, enroll, ports);
  return { onStop };

  function startAs(anchor: AnchorReading): Standing {
    if (anchor === "none") {
      events?.report("not_enrolled");
      const layers = layersOf(platform.guard, () => platform.guard.disarm());
      return { is: "not_enrolled", layers: () => layers };
    }
    if (anchor !== "unreadable") return resume(anchor);
    // Whose agent this is cannot be told any more; that it was protected can.
    again = setTimeout(readAnchorAgain, startAgainMs);
    return damaged("anchor_unreadable", "the trust anchor cannot be read");
  }

  /** A disk may come back. An anchor that has vanished since must not mean "not enrolled". */
  function readAnchorAgain(): void {
    const reading = readTrustAnchor(fs, data);
    if (typeof reading === "object") become(resume(reading));
    else again = setTimeout(readAnchorAgain, startAgainMs);
  }

  /**
   * Without its data it cannot work, but protect, answer, and try again. With the trust anchor it has, for the same
   * reason.
   */
  function resume(trusted: TrustAnchor): Standing {
    try {
      const agent = resumeAgent(trusted, ports);
      if (alone) events?.report("data_usable");
      alone?.stop();
      alone = undefined;
      return { is: "enrolled", agent };
    } catch (error) {
      again = setTimeout(() => become(resume(trusted)), startAgainMs);
      return damaged("data_unusable", `the agent's data cannot be used (${messageOf(error)})`);
    }
  }

  function become(next: Standing): void {
    standing = next;
    tellOfPipe();
  }

  /** Protection is on, and the guard looked after. */
  function damaged(is: Damage, why: string): Standing {
    if (standing?.is !== is) {
      log(`${why}: protection stays on`);
      events?.report(is);
    }
    alone ??= guardAlone(ports);
    return { is, layers: alone.layers };
  }

  /** To the cluster by the journal, as soon as there is one; without one to the system's own log. */
  function tellOfPipe(): void {
    if (!pipeTaken || !standing) return;
    if (standing.is === "enrolled") {
      pipeTaken = false;
      standing.agent.apply({ type: "pipeTaken" });
    } else events?.report("pipe_taken");
  }

  async function onStop(reason: StopReason): Promise<void> {
    clearTimeout(again);
    alone?.stop();
    installed.stop();
    if (standing?.is === "enrolled") {
      standing.agent.running.apply({ type: "stopping", reason });
      await within(stopMs, standing.agent.stop());
    } else events?.report("service_stopping", { reason });
    await within(stopMs, channel.close());
    if (events) await within(stopMs, events.settled());
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
    if (command.command === "status")
      return { v: 1, ok: true, result: { status: statusOf(now, ports, installed.pending()) } };
    if (command.command === "enroll") return enroll(command);
    if (command.command === "installer_asks") return answerInstaller(now, command.package);
    if (now.is !== "enrolled") {
      return now.is !== "not_enrolled"
        ? refuse(now.is)
        : refuse("not_protected", { unprotectedBecause: platform.guard.supported ? "not_enrolled" : "unsupported" });
    }
    return performCommand(command, now.agent, ports);
  }

  async function answerInstaller(now: Standing, path: string | undefined): Promise<CommandAnswer> {
    const damaged = now.is !== "enrolled" && now.is !== "not_enrolled";
    const code = now.is === "enrolled" ? await now.agent.updates.answerInstaller(path) : "go_on";
    if (damaged && platform.guard.supported) return refuse("service_protected");
    return code === "go_on" ? { v: 1, ok: true, result: { installer: code } } : refuse(code);
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

/** Whichever comes first: an orderly end, or the end of our patience with it. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, patience]);
  clearTimeout(timer);
}
