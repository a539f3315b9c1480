import { posternFolder } from "./folders.ts";

/** What the service manager may ask of the service. */
export type AcceptedControl = "stop" | "shutdown" | "preshutdown";

/** `boot` and `system` are for drivers. */
export type StartType = "boot" | "system" | "automatic" | "manual" | "disabled" | "unknown";

/** How the service manager starts the service. */
export interface ServiceConfig {
  readonly command: string;
  readonly account: string;
  readonly startType: StartType;
  readonly delayed: boolean;
  /** Names of services and groups that have to run before. */
  readonly dependencies: readonly string[];
}

/** What the service manager does when the service ends without having been asked to. */
export interface Recovery {
  /** After each failure, the first, the second, all later ones: start it again after this many ms. Empty: nothing. */
  readonly restartAfterMs: readonly number[];
  /** Seconds without a failure after which counting starts anew. */
  readonly resetAfterSeconds: number;
  /** Whether an orderly end that reports an error counts as a failure, not only a crash. */
  readonly alsoWithoutCrash: boolean;
}

/** A folder of ours. */
export interface FolderRule {
  readonly path: string;
  /** Owner and DACL of the folder; what is in it has what the folder gives it, and nothing of its own. */
  readonly descriptor: string;
  /** Whether a handle is held open in it, so that it can be neither renamed nor deleted. */
  readonly heldOpen: boolean;
}

/** Under which name the Event Log knows us, and which file has its sentences. */
export interface EventSource {
  /** Beneath HKEY_LOCAL_MACHINE. */
  readonly key: string;
  readonly messageFile: string;
  /** Which severities there are, as bits. */
  readonly types: number;
}

/** What must not name us: each of these can replace or end our program at its next start. */
export interface CleanRegistry {
  /** Keys beneath HKEY_LOCAL_MACHINE that must not exist: a debugger or a monitor for our program. */
  readonly absentKeys: readonly string[];
  /** Values of the session manager that rename or delete files at the next start, and the path component they must not name. */
  readonly pendingRenames: { readonly key: string; readonly values: readonly string[]; readonly mustNotName: string };
}

/**
 * The whole wanted state of the guard for our own service. What is undefined is left as somebody else made it; security
 * descriptors are SDDL (MS-DTYP §2.5.1).
 */
export interface WantedGuard {
  readonly acceptedControls: readonly AcceptedControl[];
  readonly serviceDescriptor: string;
  /** Of the service's registry key and of every key beneath it. */
  readonly serviceKeyDescriptor: string;
  readonly serviceConfig: ServiceConfig | undefined;
  readonly recovery: Recovery;
  readonly processDescriptor: string;
  readonly folders: readonly FolderRule[];
  readonly cleanRegistry: CleanRegistry | undefined;
  readonly eventSource: EventSource | undefined;
}

export interface GuardFacts {
  readonly serviceName: string;
  /** The service's own SID, see `serviceSid`. */
  readonly serviceSid: string;
  /**
   * Whether this process's token holds that SID: it does from the first start after the service's SID type was set.
   * Until then SYSTEM keeps full access to the service, or the agent itself could not lift its protection.
   */
  readonly holdsServiceSid: boolean;
  /**
   * Whether this process is SYSTEM's: it is, but under Wine, whose services run as its administrators do. What belongs to
   * SYSTEM they could not set back, so there the owner stays who it is.
   */
  readonly runsAsSystem: boolean;
  /** The process's descriptor as it was when the process started. */
  readonly ordinaryProcess: string;
  /** Where our program lies, in a folder of its own. */
  readonly executable: string;
  /** Where state, journal and trust anchor lie. */
  readonly dataFolder: string;
}

/**
 * What everything that guards us is to be, with protection on or off.
 *
 * Nothing here denies: SYSTEM's token holds Administrators, so a deny entry would shut the service manager out. Each
 * armed descriptor belongs to SYSTEM, and gives the owner (OW) no more than reading: an owner may otherwise rewrite the
 * descriptor, and what SYSTEM makes is owned by Administrators.
 */
export function wantedGuard(armed: boolean, facts: GuardFacts): WantedGuard {
  return armed ? armedGuard(facts) : ordinaryGuard(facts);
}

function armedGuard({
  serviceName,
  serviceSid: ours,
  holdsServiceSid,
  runsAsSystem,
  executable,
  dataFolder,
}: GuardFacts): WantedGuard {
  const owner = runsAsSystem ? "O:SY" : "";
  const system = holdsServiceSid ? "CCLCSWRPLOCRRC" : "0xF01FF";
  return {
    acceptedControls: ["shutdown", "preshutdown"],
    // Query, start and interrogate; no stop (WP), pause (DT), change (DC), delete (SD), WRITE_DAC or WRITE_OWNER.
    serviceDescriptor: `O:SYD:P(A;;0xF01FF;;;${ours})(A;;${system};;;SY)(A;;CCLCSWRPLOCRRC;;;BA)(A;;RC;;;OW)`,
    // The service manager writes the key as SYSTEM.
    serviceKeyDescriptor: `${owner}D:P(A;CI;KA;;;SY)(A;CI;KR;;;BA)(A;CI;RC;;;OW)`,
    serviceConfig: {
      command: `"${executable}" -service`,
      account: "LocalSystem",
      startType: "automatic",
      delayed: false,
      dependencies: [],
    },
    // At once, and without end: whoever ends the process again and again finds it there again and again.
    recovery: { restartAfterMs: [0, 0, 0], resetAfterSeconds: 86_400, alsoWithoutCrash: true },
    // READ_CONTROL, SYNCHRONIZE and the two query rights; not terminate, suspend, thread creation or any access to memory.
    processDescriptor: `${owner}D:P(A;;0x1FFFFF;;;SY)(A;;0x121400;;;BA)(A;;RC;;;OW)`,
    folders: [
      {
        path: folderOf(executable),
        descriptor: `${owner}D:P(A;OICI;FA;;;SY)(A;OICI;0x1200A9;;;BA)(A;OICI;RC;;;OW)`,
        heldOpen: true,
      },
      { path: dataFolder, descriptor: `${owner}D:P(A;OICI;FA;;;SY)(A;OICI;RC;;;OW)`, heldOpen: true },
    ],
    cleanRegistry: cleanOf(executable),
    eventSource: {
      key: `SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\${serviceName}`,
      // Has a message for each of our ids that is no more than the text we give.
      messageFile: "%SystemRoot%\\System32\\EventCreate.exe",
      types: 7,
    },
  };
}

/**
 * As Windows makes them for any service: the service manager's default, the inherited key, the process as it started.
 * No restart, or an administrator's stop would not stay one; how it starts is the administrator's until protection is
 * back.
 */
function ordinaryGuard({ runsAsSystem, ordinaryProcess, executable, dataFolder }: GuardFacts): WantedGuard {
  const owner = runsAsSystem ? "O:BA" : "";
  return {
    acceptedControls: ["shutdown", "preshutdown", "stop"],
    serviceDescriptor:
      "O:SYD:(A;;CCLCSWRPWPDTLOCRRC;;;SY)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BA)(A;;CCLCSWLOCRRC;;;IU)(A;;CCLCSWLOCRRC;;;SU)",
    // Marked as inherited: Windows drops such entries and computes what the key's parent really gives; these are the same.
    serviceKeyDescriptor: `${owner}D:AI(A;CIID;KA;;;SY)(A;CIID;KA;;;BA)(A;CIID;KR;;;BU)`,
    serviceConfig: undefined,
    recovery: { restartAfterMs: [], resetAfterSeconds: 0, alsoWithoutCrash: false },
    processDescriptor: ordinaryProcess,
    folders: [
      // Marked as inherited, see above.
      {
        path: folderOf(executable),
        descriptor: `${owner}D:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;0x1200A9;;;BU)`,
        heldOpen: false,
      },
      // Never what ProgramData gives to all users: the identity key lies here.
      { path: dataFolder, descriptor: `${owner}D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)`, heldOpen: false },
    ],
    cleanRegistry: undefined,
    // Theirs stays: who reads the log wants the sentences of before.
    eventSource: undefined,
  };
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("\\"));
}

const windowsNt = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";

function cleanOf(executable: string): CleanRegistry {
  const image = executable.slice(executable.lastIndexOf("\\") + 1);
  return {
    absentKeys: [`${windowsNt}\\Image File Execution Options\\${image}`, `${windowsNt}\\SilentProcessExit\\${image}`],
    pendingRenames: {
      key: "SYSTEM\\CurrentControlSet\\Control\\Session Manager",
      values: ["PendingFileRenameOperations", "PendingFileRenameOperations2"],
      mustNotName: posternFolder,
    },
  };
}
