import { readCertificates, readKeyFile } from "./cli/input.ts";
import type { Command, CommandAnswer } from "./commands.ts";
import { backoffMs } from "./link/backoff.ts";
import { messageOf } from "./message-of.ts";
import type { InstallerEnrolment, InstallerPort } from "./ports.ts";

type Enrol = Extract<Command, { command: "enroll" }>;

/** What no repetition changes: the installer was told something wrong, or this machine is some cluster's already. */
const final =
  /^(?:activation_key_.*|already_enrolled|key_malformed|url_malformed|url_insecure|proxy_malformed|ca_malformed)$/;

/**
 * Joins the cluster that the installer was told, for as long as that takes: a machine may be installed where it cannot
 * reach its cluster yet. Once it has joined, or been refused for good, the installer's word is forgotten, and the
 * activation key with it.
 */
export function enrolAsInstalled(
  installer: InstallerPort | undefined,
  enroll: (command: Enrol) => Promise<CommandAnswer>,
  { random, log }: { random(): number; log(line: string): void },
): { pending(): PendingEnrolment | undefined; stop(): void } {
  let pending: PendingEnrolment | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  if (installer) void attempt(installer, 1);
  return {
    pending: () => pending,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };

  async function attempt(from: InstallerPort, failures: number): Promise<void> {
    try {
      const wanted = from.enrolment();
      if (wanted === undefined) return;
      pending = { cluster: wanted.cluster };
      const answer = await enroll(commandOf(wanted));
      if (answer.ok || final.test(answer.code)) {
        pending = undefined;
        from.forgetEnrolment();
      }
      if (answer.ok) return;
      told(answer.code);
      if (final.test(answer.code)) return;
    } catch (error) {
      // A file that cannot be read is among these; the key is in none of their messages.
      told(messageOf(error));
    }
    if (!stopped) timer = setTimeout(() => void attempt(from, failures + 1), backoffMs(failures, random));
  }

  function told(trouble: string): void {
    if (pending) pending = { ...pending, trouble };
    log(`the cluster that the installer named was not joined: ${trouble}`);
  }
}

/** A cluster that waits to be joined, and what the last try came to. */
interface PendingEnrolment {
  readonly cluster: string;
  readonly trouble?: string;
}

function commandOf({ cluster, key, keyFile, caFile, proxy }: InstallerEnrolment): Enrol {
  return {
    command: "enroll",
    cluster,
    key: key ?? (keyFile === undefined ? "" : readKeyFile(keyFile)),
    ...(caFile === undefined ? {} : { ca: readCertificates(caFile) }),
    ...(proxy === undefined ? {} : { proxy }),
  };
}
