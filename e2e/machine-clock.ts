import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Debian's and Ubuntu's place of the library, from the package `libfaketime`. */
const library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/** A system clock that a test can set, for the programs that are started with its `env`. */
export interface MachineClock {
  readonly env: Readonly<Record<string, string>>;
  /** Sets the clock this many seconds away from the real one; running programs see it at once. */
  set(offsetSeconds: number): void;
  close(): void;
}

/**
 * Moves what programs read as the system clock, and nothing else: elapsed time goes on as it does on a machine whose
 * administrator sets the clock.
 */
export function machineClock(): MachineClock {
  if (!existsSync(library)) throw new Error(`${library} is missing: apt-get install libfaketime`);
  const folder = mkdtempSync(join(tmpdir(), "postern-clock-"));
  const file = join(folder, "offset");
  const set = (seconds: number): void => writeFileSync(file, `${seconds < 0 ? "" : "+"}${seconds}\n`);
  set(0);
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    },
    set,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
