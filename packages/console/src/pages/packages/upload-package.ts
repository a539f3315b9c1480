import { networkLost, problemOf } from "../../api/problem.ts";
import type { Made } from "../../api/types.ts";

export type AddedPackage = Made<"/api/v1/agent-packages">;

/**
 * Sends a package's file, and tells how many of its bytes have gone. By XMLHttpRequest, since `fetch` does not say.
 *
 * @throws {ApiProblem}
 */
export function uploadPackage(
  file: File,
  { onSent, signal }: { readonly onSent: (bytes: number) => void; readonly signal: AbortSignal },
): Promise<AddedPackage> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/v1/agent-packages");
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = ({ loaded }) => onSent(loaded);
    request.onerror = () => reject(networkLost(new Error("The upload was cut off.")));
    request.onabort = () => reject(networkLost(signal.reason));
    request.onload = () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText) as AddedPackage);
      else void problemOf(new Response(request.responseText, { status: request.status })).then(reject);
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
