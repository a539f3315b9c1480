import { readFileSync } from "node:fs";

/** Processor time that a process has used so far, in microseconds, all its threads together; null where /proc does not say. */
export function cpuTimeOf(processId: number | undefined): number | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${processId}/stat`, "utf8");
  } catch {
    return null;
  }
  // The name before may hold anything; after it, utime and stime are the 12th and 13th (proc(5)), in hundredths of a second.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
