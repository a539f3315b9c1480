import { join } from "node:path";
import type { PersistedState } from "../core/state.ts";
import { reservedBytes } from "../limits.ts";
import type { FileSystem } from "./file-system.ts";
import { type ReservedFile, reservedFile } from "./reserved-file.ts";
import { decodeRecord, encodeRecord } from "./sealed-record.ts";
import { isPersistedState } from "./state-shape.ts";

/** Where the core's state outlives the process. */
export interface StateFile {
  /** The state of this agent, or undefined when it is missing, unreadable, cut, altered, or another agent's. */
  read(agentId: string): PersistedState | undefined;
  /** Durable when it returns. */
  write(agentId: string, state: PersistedState): void;
}

/** Counts up when a state of this version could be misread by the one before. */
const layout = 1;

export function stateFile(fs: FileSystem, folder: string): StateFile {
  const file = reservedFile(fs, join(folder, "state"), reservedBytes);
  return {
    read(agentId) {
      const bytes = readable(file);
      const record = bytes && (decodeRecord(bytes) as Partial<Stored> | undefined);
      if (record?.layout !== layout || record.agentId !== agentId) return undefined;
      return isPersistedState(record.state) ? record.state : undefined;
    },
    write(agentId, state) {
      const stored: Stored = { layout, agentId, state };
      file.replace(encodeRecord(stored));
    },
  };
}

function readable(file: ReservedFile): Uint8Array | undefined {
  try {
    return file.read();
  } catch {
    return undefined;
  }
}

interface Stored {
  readonly layout: number;
  readonly agentId: string;
  readonly state: PersistedState;
}
