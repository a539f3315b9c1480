import { notifications } from "@mantine/notifications";
import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { wasDeclined, withAuthority } from "./authority.ts";
import { type ApiProblem, toProblem } from "./problem.ts";

export interface Action<Input, Result> {
  /** Does it, and resolves to the result, or to undefined when it failed or was declined. Never throws. */
  run(input: Input): Promise<Result | undefined>;
  readonly running: boolean;
  /** Why the last run failed; show it beside the button or by {@link FormProblem}. */
  readonly problem: ApiProblem | undefined;
  reset(): void;
}

export interface ActionOptions<Input, Result> {
  /** Begins of the keys of queries that are stale after it. */
  readonly changes?: readonly QueryKey[];
  /** A sentence for the corner of the screen, when it succeeded. */
  readonly done?: string | ((result: Result, input: Input) => string);
  readonly onDone?: (result: Result, input: Input) => void;
}

/**
 * Something that changes the cluster. Asks for the password again, or for a new log-in, where the cluster wants it, and
 * then goes on by itself.
 */
export function useAction<Input = void, Result = unknown>(
  act: (input: Input) => Promise<Result>,
  { changes = [], done, onDone }: ActionOptions<Input, Result> = {},
): Action<Input, Result> {
  const client = useQueryClient();
  const mutation = useMutation({
    mutationFn: (input: Input) => withAuthority(() => act(input)),
    onSuccess(result, input) {
      for (const queryKey of changes) void client.invalidateQueries({ queryKey });
      const message = typeof done === "function" ? done(result, input) : done;
      if (message !== undefined) notifications.show({ message });
      onDone?.(result, input);
    },
  });
  const failed = mutation.error !== null && !wasDeclined(mutation.error);
  return {
    run: (input) => mutation.mutateAsync(input).catch(() => undefined),
    running: mutation.isPending,
    problem: failed ? toProblem(mutation.error) : undefined,
    reset: mutation.reset,
  };
}
