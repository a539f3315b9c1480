import type { Api } from "./api.ts";
import type { Terminal } from "./terminal.ts";
import { makeTokenFile, proposedFileName } from "./token-file.ts";

/**
 * Fetches a token and keeps it in a file of its own, readable by its owner only; `out` `-` prints it instead.
 *
 * @param out the file; without it the name that the cluster proposes, in the current folder
 * @returns the file's path
 */
export async function downloadToken(
  terminal: Terminal,
  api: Api,
  id: string,
  out: string | undefined,
): Promise<string | undefined> {
  const path = `/agent-tokens/${encodeURIComponent(id)}/download`;
  if (out === undefined || out === "-") {
    const answer = await api.request("GET", path);
    const token = answer.text.trim();
    if (out === "-") terminal.print(`${token}\n`);
    else {
      const file = await makeTokenFile(proposedFileName(answer.headers) ?? `agent-token-${id}.txt`);
      await file.fill(token);
      return file.path;
    }
    return undefined;
  }
  const file = await makeTokenFile(out);
  try {
    const answer = await api.request("GET", path);
    await file.fill(answer.text.trim());
    return file.path;
  } catch (error) {
    await file.discard();
    throw error;
  }
}
