import { rm } from "node:fs/promises";
import type { Api, Query } from "./api.ts";
import type { Terminal } from "./terminal.ts";
import { makeNewFile } from "./token-file.ts";

/**
 * Writes an export of the API to standard output, or into a new file.
 *
 * @param out the file; undefined or `-`: standard output
 * @param subject what is in the file, with its verb: "The export is"
 * @throws {CommandFailed} 2: the file is there; 4
 */
export async function downloadTo(
  terminal: Terminal,
  api: Api,
  path: string,
  query: Query,
  out: string | undefined,
  subject: string,
): Promise<void> {
  if (out === undefined || out === "-") {
    const decoder = new TextDecoder();
    await api.download(path, { query }, async (piece) => terminal.print(decoder.decode(piece, { stream: true })));
    return;
  }
  const file = await makeNewFile(out);
  try {
    await api.download(path, { query }, (piece) => file.appendFile(piece));
    await file.sync();
    await file.close();
  } catch (error) {
    await file.close();
    await rm(out, { force: true }); // half an export could be taken for a whole one
    throw error;
  }
  terminal.say(`${subject} in ${out}.\n`);
}
