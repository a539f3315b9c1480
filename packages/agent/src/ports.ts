import type { LogEvent } from "./event-log/log-events.ts";

/**
 * What the platform-free core needs of the machine it runs on. `windows/` and `posix/` carry these out; tests use fakes.
 * All of it may be called at any time from the main thread, one call after another.
 */

/** The two readings of time that trusted time is made of. */
export interface Clock {
  /** The system clock, unix milliseconds. The local administrator owns it. */
  systemNow(): number;
  /** Milliseconds since the machine started, sleep included; nobody can set it. */
  interruptMs(): number;
}

/** Of one guard layer: `on` and `off` are what was carried out, `failed` names the platform's error. */
export type LayerState = "on" | "off" | `failed: ${string}`;

/** The layers of service protection by name, for `-status` and the check-in. */
export type LayerReport = Readonly<Record<string, LayerState>>;

/** A layer that was found changed while protection was on: what of it, in a few words, and whether it is as it was. */
export interface Drift {
  readonly layer: string;
  /** Of a layer that guards several services: whose. */
  readonly service?: string;
  readonly found: string;
  readonly setBack: boolean;
}

/** A service of another vendor that is guarded, or why it is not, in one word (`protection.services` of the protocol). */
export interface OtherService {
  readonly name: string;
  readonly state: string;
}

/**
 * Carries service protection out on this machine. `arm` and `disarm` may be repeated: they set the whole wanted state
 * again. A layer that fails is reported and never stops the others.
 */
export interface Guard {
  /** False where service protection does not exist; `arm`, `restore` and `watch` are then never called. */
  readonly supported: boolean;
  /**
   * `otherServices` are those to guard beside our own. Undefined: nobody can say, so those that are guarded stay it.
   * `openForInstaller`: all but what stands between the operating system's installer and an update of ours.
   */
  arm(otherServices?: readonly string[], openForInstaller?: boolean): LayerReport;
  /** Here they are those that would be guarded; all that are guarded are given back. */
  disarm(otherServices?: readonly string[]): LayerReport;
  /** To be called while armed: sets back to how it was armed what somebody has changed since, and touches nothing else. */
  restore(): { readonly layers: LayerReport; readonly drifts: readonly Drift[] };
  /**
   * To be called while lifted: what is there that neither the lift nor protection made, by layer. It tells nothing of a
   * layer that `disarm` has not reported as `off`. A platform that cannot tell has no such function.
   */
  changedInLift?(): readonly Pick<Drift, "layer" | "found">[];
  /** Calls `changed` soon after something may have been changed, where the platform can tell. */
  watch(changed: () => void): { close(): void };
  /** What became of each of the other services at the last call; a platform that guards none has no such function. */
  otherServices?(): readonly OtherService[];
}

/** Where the command line's program reaches the service: the named pipe on Windows, a socket elsewhere. */
export interface CommandListener {
  /**
   * Answers each request (one UTF-8 line of JSON, at most `limits.commandBytes`) with one line. Several clients are
   * served at once, so that a stuck one does not stop others. Resolves when the first client could connect.
   */
  listen(answer: (request: string) => Promise<string>): Promise<{ close(): Promise<void> }>;
}

/** The client's side. Throws {@link ServiceUnreachable}, without having sent anything, unless the far end is our service. */
export type SendCommand = (request: string) => Promise<string>;

export class ServiceUnreachable extends Error {
  override readonly name = "ServiceUnreachable";
}

/** Why the service has to end. Ours to refuse only by not accepting the control in the first place. */
export type StopReason = "stop" | "shutdown";

/** The operating system's service manager, or a foreground process and its signals. */
export interface ServiceHost {
  /**
   * Runs `main` as the service; its promise ends when the service has started. `onStop` then runs once, when the
   * service manager asks, and the process ends after it.
   */
  run(main: () => Promise<{ onStop(reason: StopReason): Promise<void> }>): Promise<void>;
  /** Whether STOP is accepted. PRESHUTDOWN always is, so that shutdown stays orderly. */
  setStoppable(stoppable: boolean): void;
}

/** The operating system's own log, where it has one that people look into. */
export interface EventLog {
  /** Returns at once, whatever becomes of it. */
  write(event: LogEvent): void;
  /** Resolves when nothing is being written any more. */
  settled(): Promise<void>;
}

/** What the installer was told of the cluster to join. */
export interface InstallerEnrolment {
  readonly cluster: string;
  /** One of the two is there. */
  readonly key?: string;
  readonly keyFile?: string;
  readonly caFile?: string;
  readonly proxy?: string;
}

/** What the operating system's installer and the agent leave for one another. */
export interface InstallerPort {
  /** Whether the service manager runs the service. Throws when it does not say. */
  isServiceRunning(): boolean;
  /** A sentence that the installer shows and logs; without one, the last is taken away. */
  note(sentence?: string): void;
  /** The first of our folders that belongs to somebody else. */
  foreignFolder(): string | undefined;
  enrolment(): InstallerEnrolment | undefined;
  /** The installer's word is done with: the activation key does not stay behind. */
  forgetEnrolment(): void;
  /**
   * Gives services of other vendors back that are still guarded. False when one could not be given back, or when it
   * cannot be told which: what they had before is then in the data, and nowhere else.
   */
  giveBackServices(): boolean;
}

/** The operating system's installer, for packages that replace the agent itself. */
export interface PackageInstaller {
  /** Bytes that are free for the folder's files; undefined when the system does not say. */
  freeBytes(folder: string): number | undefined;
  /** Size and bytes of a plain file of this machine that somebody has named; undefined for anything else. */
  readNamed(path: string): { readonly size: number; bytes(): AsyncIterable<Uint8Array> } | undefined;
  /** Opens a file so that until its release nobody can write, rename or delete it. */
  hold(path: string): HeldFile;
  /**
   * Starts the installation without a word on any screen; resolves to the installer's exit code. It goes on when this
   * process ends.
   */
  install(path: string, log: string): Promise<number>;
}

export interface HeldFile {
  readonly size: number;
  /** Of all its bytes as they lie on the disk, base64url. */
  sha256(): Promise<string>;
  release(): void;
}

/** One platform, whole: what `windows/` and `posix/` each give to the program. */
export interface Platform {
  readonly name: "windows" | "linux" | "macos" | "aix" | "solaris";
  readonly guard: Guard;
  readonly listener: CommandListener;
  readonly send: SendCommand;
  readonly host: ServiceHost;
  /** Where state, journal and trust anchor lie. */
  readonly folders: { readonly data: string };
  readonly eventLog?: EventLog;
  /** Whether this process may talk to the service as an administrator. */
  isElevated(): boolean;
  /** What the operating system calls this machine, stable over renaming; left out where it has no such name. */
  machineId?(): string | undefined;
  /** Where an installer of the operating system's brings the agent. */
  readonly installer?: InstallerPort;
  /** Left out where the agent does not update itself. */
  readonly packages?: PackageInstaller;
}

/** Somebody else made a channel of our name first; our clients recognise it by its process and give it nothing. */
export class ChannelTaken extends Error {
  override readonly name = "ChannelTaken";
}

/** Another process already is this machine's service. */
export class AlreadyRunning extends Error {
  override readonly name = "AlreadyRunning";
}
