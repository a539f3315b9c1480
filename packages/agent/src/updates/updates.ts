import type { AgentPackage } from "@postern/protocol";
import type { UpdateView } from "../commands.ts";
import type { AgentState } from "../core/state.ts";
import type { AgentEvent, Outcome } from "../core/step.ts";
import { grantInForce, listedPackage, type NamedPackage, wantedUpdate } from "../core/update.ts";
import {
  fetchPauseMs,
  fetchRetryCapMs,
  fetchRetryMs,
  installerBusyMs,
  replacedWithinMs,
  updateSpreadMs,
} from "../limits.ts";
import { FetchFailed, type FetchPackage } from "../link/fetch-package.ts";
import { messageOf } from "../message-of.ts";
import type { Clock, HeldFile, PackageInstaller } from "../ports.ts";
import type { PackageFile } from "./package-file.ts";

export interface UpdatePorts {
  readonly running: string;
  /** Left out where the agent does not update itself. */
  readonly installer: PackageInstaller | undefined;
  readonly file: PackageFile;
  readonly clock: Clock;
  readonly fetch: FetchPackage;
  state(): AgentState;
  apply(event: AgentEvent): Outcome;
  /** Uniform in [0, 1). */
  random(): number;
  log(line: string): void;
  readonly spreadMs?: number;
}

/** Has the agent replaced by the version that its config wants, or by a listed package that somebody brings. */
export interface Updates {
  /** Something may have changed: what the config wants, or the time. */
  look(): void;
  /** What stands between this agent and the version that is wanted; undefined when nothing does. */
  view(): UpdateView | undefined;
  /**
   * The operating system's installer asks whether it may go on with the package at this path, or with removing and
   * repairing: `go_on`, or why not.
   */
  answerInstaller(path?: string): Promise<string>;
  /** Gives up a fetch; an installation goes on. */
  stop(): Promise<void>;
}

/** Exit codes of Windows Installer (msi.h). */
const exits = { done: 0, doneAndRebooting: 1641, doneRebootRequired: 3010, busyWithAnother: 1618 } as const;
const doneExits: readonly number[] = [exits.done, exits.doneAndRebooting, exits.doneRebootRequired];

type Doing = "nothing" | "fetching" | "installing";

/** Starts to look after this agent's version. `look` has to be called from time to time. */
export function startUpdates(ports: UpdatePorts): Updates {
  const { running, installer, file, clock, state, apply, log } = ports;
  const stopping = new AbortController();
  let fetching = new AbortController();
  let doing: Doing = "nothing";
  let work: Promise<void> = Promise.resolve();
  /** Of the package that is waited for: until which reading of interrupt time, and after how many failures. */
  let pause: { sha256: string; untilMs: number; failures: number; trouble?: string } | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** Somebody has brought a package: what the config wants waits. */
  let taking = false;
  /** The copy from which the installer goes on after this process has taken the place of the one before. */
  let held: HeldFile | undefined;
  begin();

  return {
    look,
    view,
    answerInstaller,
    async stop() {
      stopping.abort();
      fetching.abort();
      clearTimeout(timer);
      release();
      if (doing !== "installing") await work;
    },
  };

  function begin(): void {
    if (!installer) return;
    if (grantInForce(state())) {
      try {
        held = file.hold();
      } catch (error) {
        log(`the package cannot be held: ${messageOf(error)}`);
      }
    } else tidy();
  }

  function look(): void {
    if (!installer || stopping.signal.aborted || doing !== "nothing" || taking) return;
    if (grantInForce(state())) return;
    if (held) tidy();
    const wanted = wantedUpdate(state(), running);
    if (wanted.is !== "package") return;
    const { sha256 } = wanted.package;
    if (pause?.sha256 !== sha256)
      pause = {
        sha256,
        failures: 0,
        untilMs: clock.interruptMs() + ports.random() * (ports.spreadMs ?? updateSpreadMs),
      };
    const waitMs = pause.untilMs - clock.interruptMs();
    clearTimeout(timer);
    if (waitMs > 0) timer = setTimeout(look, waitMs);
    else start("fetching", () => update(installer, wanted.package));
  }

  /** One thing at a time. What goes wrong in it ends it, and is tried again. */
  function start(what: Exclude<Doing, "nothing">, act: () => Promise<void>): void {
    doing = what;
    work = act()
      .catch((error: unknown) => log(`update: ${messageOf(error)}`))
      .finally(() => {
        doing = "nothing";
        look();
      });
  }

  async function update(installer: PackageInstaller, wanted: AgentPackage): Promise<void> {
    fetching = new AbortController();
    let copy: HeldFile;
    try {
      await file.fetch(ports.fetch, wanted, fetching.signal);
      copy = file.hold();
    } catch (error) {
      return waitAfter(wanted, error);
    }
    try {
      const digest = await copy.sha256();
      if (digest !== wanted.sha256) {
        copy.release();
        tidy();
        apply({ type: "updateFailed", package: wanted, code: "wrong_digest" });
        return;
      }
      if (!fetching.signal.aborted) await install(installer, wanted);
    } catch (error) {
      waitAfter(wanted, error);
    } finally {
      copy.release();
    }
  }

  /** What failed here changes by itself, or with the network: it is tried again before the hour is over. */
  function waitAfter({ sha256 }: NamedPackage, error: unknown): void {
    if (fetching.signal.aborted) return;
    const failures = (pause?.sha256 === sha256 ? pause.failures : 0) + 1;
    const bound = Math.min(fetchRetryCapMs, fetchRetryMs * 2 ** Math.min(failures - 1, 16));
    const atLeastMs = error instanceof FetchFailed ? (error.retryAfterMs ?? 0) : 0;
    const waitMs = atLeastMs + Math.max(fetchPauseMs, ports.random() * bound);
    const trouble = error instanceof FetchFailed ? error.code : "internal_error";
    if (trouble !== pause?.trouble) log(`update: ${messageOf(error)}`);
    pause = { sha256, failures, trouble, untilMs: clock.interruptMs() + waitMs };
  }

  /** Has the held copy installed. Where all goes well, this process is stopped meanwhile. */
  async function install(installer: PackageInstaller, wanted: NamedPackage): Promise<void> {
    const outcome = apply({ type: "replacementReady", package: wanted, running });
    if (!outcome || !("grant" in outcome)) return;
    if (outcome.grant !== "given") return log(`update: ${outcome.grant}`);
    doing = "installing";
    const failed = (code: string) => void apply({ type: "updateFailed", package: wanted, code });
    while (grantInForce(state())?.sha256 === wanted.sha256) {
      let exit: number;
      try {
        exit = await installer.install(file.path, file.logOf(wanted.version));
      } catch (error) {
        log(`update: the installer does not start: ${messageOf(error)}`);
        return failed("installer_not_started");
      }
      if (stopping.signal.aborted) return;
      const isBusy = exit === exits.busyWithAnother;
      if (!isBusy && !doneExits.includes(exit)) return failed(`installer_${exit}`);
      await sleep(isBusy ? installerBusyMs : replacedWithinMs, stopping.signal);
      if (stopping.signal.aborted) return;
      if (!isBusy) return failed("not_replaced");
    }
  }

  async function answerInstaller(path?: string): Promise<string> {
    const isGranted = path !== undefined && file.isAt(path);
    const outcome = apply({ type: "installerAsks", isGranted });
    if (outcome && "installer" in outcome && outcome.installer === "go_on") return "go_on";
    if (path === undefined || !installer) return "service_protected";
    if (grantInForce(state()) || doing === "installing" || taking) return "update_under_way";
    taking = true;
    // A fetch of the same is no reason to send somebody away who has brought it.
    fetching.abort();
    await work;
    return new Promise((resolve) => start("fetching", () => takeNamed(installer, path, resolve)));
  }

  /** Copies what somebody named, and looks at the copy: what lies at his path may be something else a moment later. */
  async function takeNamed(installer: PackageInstaller, path: string, answer: (code: string) => void): Promise<void> {
    fetching = new AbortController();
    let copy: HeldFile | undefined;
    const refused = (code: string, data: { sha256?: string } = {}) => {
      apply({ type: "packageRefused", data: { code, ...data } });
      answer(code);
    };
    try {
      const source = installer.readNamed(path);
      if (!source) return refused("package_unreadable");
      const isOfListedSize = state().upkeep?.packages?.some(({ size }) => size === source.size);
      if (!isOfListedSize) return refused("package_not_listed");
      await file.copy(source, fetching.signal);
      copy = file.hold();
      const sha256 = await copy.sha256();
      const listed = listedPackage(state(), sha256, running);
      if (typeof listed === "string") return refused(listed, { sha256 });
      const installed = install(installer, listed);
      taking = false;
      answer(grantInForce(state()) ? "installing_itself" : "update_under_way");
      await installed;
    } catch (error) {
      log(`update: ${messageOf(error)}`);
      answer(error instanceof FetchFailed && error.code === "no_room" ? "no_room" : "internal_error");
    } finally {
      taking = false;
      copy?.release();
    }
  }

  function view(): UpdateView | undefined {
    const now = state();
    const grant = now.grant;
    if (grant && doing === "installing") return { version: grant.version, state: "installing" };
    const wanted = wantedUpdate(now, running);
    switch (wanted.is) {
      case "none":
        return undefined;
      case "lower":
      case "not_offered":
        return { version: wanted.version, state: installer ? wanted.is : "unsupported" };
      case "failed":
        return { version: wanted.package.version, state: "failed", code: wanted.failed.code };
      case "package": {
        const trouble = pause?.sha256 === wanted.package.sha256 ? pause.trouble : undefined;
        const doingNow = doing === "nothing" ? "waiting" : doing;
        return {
          version: wanted.package.version,
          state: installer ? doingNow : "unsupported",
          ...(trouble === undefined ? {} : { code: trouble }),
        };
      }
    }
  }

  function release(): void {
    held?.release();
    held = undefined;
  }

  function tidy(): void {
    release();
    try {
      file.remove();
    } catch (error) {
      log(`a package that is done with cannot be removed: ${messageOf(error)}`);
    }
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
