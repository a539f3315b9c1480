import createClient from "openapi-fetch";
import type { paths } from "postern-api";
import { hearClusterTime } from "../shared/now.ts";
import { reportAnswer, reportSilence } from "./connection.ts";
import { ApiProblem, isPassing, networkLost, problemOf } from "./problem.ts";

/**
 * The management API, typed by the cluster's own OpenAPI document. Errors are thrown as {@link ApiProblem}; take the
 * body of an answer with {@link read}.
 */
export const api = createClient<paths>({ baseUrl: window.location.origin, credentials: "same-origin" });

api.use({
  async onResponse({ response }) {
    hearClusterTime(response.headers.get("date"));
    if (response.ok) {
      reportAnswer();
      return;
    }
    const problem = await problemOf(response);
    if (isPassing(problem)) reportSilence();
    else reportAnswer();
    throw problem;
  },
  onError({ error }) {
    if (error instanceof ApiProblem || isAbort(error)) return error instanceof Error ? error : undefined;
    reportSilence();
    return networkLost(error);
  },
});

/** The body of a successful answer: `const page = await read(api.GET("/api/v1/agents", …))`. */
export async function read<Body>(answer: Promise<{ data?: Body }>): Promise<NonNullable<Body>> {
  const { data } = await answer;
  if (data === undefined || data === null) throw new Error("The answer has no body.");
  return data;
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
