import { Text, TextInput } from "@mantine/core";
import { parseChallenge } from "@postern/token";
import { IconCheck } from "@tabler/icons-react";

/** The challenge that was typed, or undefined when it is not one: its check character finds what was mistyped. */
export function readChallenge(typed: string): string | undefined {
  return parseChallenge(typed);
}

/** Letters and digits of a challenge, without what people type between them. */
const wholeLength = 16;

/** The challenge of an agent, checked as it is typed. */
export function ChallengeField({
  value,
  onChange,
  error,
  force,
}: {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly error: string | null;
  /** Say that it is mistyped also while it is short. */
  readonly force: boolean;
}) {
  const letters = value.replaceAll(/[\s-]/g, "").length;
  const right = readChallenge(value) !== undefined;
  const wrong = value !== "" && !right && (letters >= wholeLength || force);
  return (
    <TextInput
      label="Challenge"
      description="Only where the agent asks for one: on the workload, PosternAgent.exe -challenge prints it. It binds the token to that agent instead of to the clock."
      placeholder="XXXX-XXXX-XXXX-XXXX"
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", textTransform: "uppercase" } }}
      maxLength={64}
      autoComplete="off"
      spellCheck={false}
      rightSection={right && <IconCheck size={16} color="var(--tone-good)" role="img" aria-label="Typed rightly" />}
      error={error ?? (wrong ? "This is mistyped: compare it with what PosternAgent.exe -challenge printed." : null)}
      inputContainer={(input) => (
        <>
          {input}
          {value !== "" && !right && !wrong && (
            <Text size="xs" c="dimmed" mt={4} aria-live="polite">
              {letters} of {wholeLength} characters
            </Text>
          )}
        </>
      )}
    />
  );
}
