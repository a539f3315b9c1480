import { QueryCache, QueryClient } from "@tanstack/react-query";
import { ask, demandBehind } from "./authority.ts";
import { connection } from "./connection.ts";
import { ApiProblem, isPassing } from "./problem.ts";
import { sessionKey } from "./session.ts";

/**
 * What the page knows of the cluster. Answers count as fresh for 15 seconds; what changes meanwhile is told by
 * `live.ts`, which makes them stale at once.
 */
export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError(error, query) {
      if (demandBehind(error) !== "log_in" || query.queryKey[0] === sessionKey[0]) return;
      void ask("log_in").then((given) => {
        if (given) void queryClient.invalidateQueries();
      });
    },
  }),
  defaultOptions: {
    queries: {
      networkMode: "always",
      staleTime: 15_000,
      retry: (count, error) => count < 2 && error instanceof ApiProblem && isPassing(error),
      retryDelay: (count) => 500 * 2 ** count,
    },
    mutations: { networkMode: "always", retry: false },
  },
});

// Back again: all that failed meanwhile, or went stale, is asked for anew.
connection.subscribe(() => {
  if (connection.get() === "here") void queryClient.invalidateQueries();
});
