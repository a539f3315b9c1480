import { Alert, Code, Text } from "@mantine/core";
import { IconAlertCircle } from "@tabler/icons-react";
import type { ApiProblem } from "../api/problem.ts";

/**
 * Why something failed, beside the button that was pressed. Errors of single fields stand at the fields (see
 * {@link fieldErrors}); the ones for which there is no field on the page are listed here.
 */
export function ProblemAlert({
  problem,
  fields = [],
}: {
  readonly problem: ApiProblem | undefined;
  /** JSON pointers of the fields on the page. */
  readonly fields?: readonly string[];
}) {
  if (problem === undefined) return null;
  const elsewhere = problem.errors.filter(({ pointer }) => !fields.includes(pointer));
  return (
    <Alert color="red" icon={<IconAlertCircle size={18} />} title={problem.title} role="alert">
      {problem.detail}
      {elsewhere.map(({ pointer, detail }) => (
        <Text key={pointer + detail} size="sm" mt={4}>
          <Code>{pointer}</Code> {detail}
        </Text>
      ))}
    </Alert>
  );
}

/** The error of the field at this JSON pointer, for the `error` of an input; null when there is none. */
export function fieldErrors(problem: ApiProblem | undefined): (pointer: string) => string | null {
  return (pointer) => problem?.errors.find((one) => one.pointer === pointer)?.detail ?? null;
}
