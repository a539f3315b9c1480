import { reportSilence } from "../api/connection.ts";
import { networkLost, problemOf } from "../api/problem.ts";

/**
 * Fetches a file of the API and hands it to the browser under the name that the answer gives it. Not by a plain link:
 * so a refusal is told on the page, and the password can be asked for again.
 *
 * @throws {ApiProblem}
 */
export async function download(path: string, fallbackName: string, accept = "*/*"): Promise<string> {
  const response = await fetch(path, { headers: { accept }, cache: "no-store" }).catch((error: unknown) => {
    reportSilence();
    throw networkLost(error);
  });
  if (!response.ok) throw await problemOf(response);
  const name = nameIn(response.headers.get("content-disposition")) ?? fallbackName;
  save(await response.blob(), name);
  return name;
}

/** Hands a text to the browser as a file. */
export function saveText(text: string, name: string, type = "text/plain"): void {
  save(new Blob([text], { type }), name);
}

function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // Only then has the browser taken it, also one that asks where to.
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function nameIn(disposition: string | null): string | undefined {
  return disposition?.match(/filename="([^"/\\]+)"/)?.[1];
}
