import { Button, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useMemo, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import type { GeneratedToken, TokenKind } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { useTenants } from "../../app/tenant.ts";
import { fieldErrors, ProblemAlert } from "../../shared/problem-alert.tsx";
import { ChallengeField, readChallenge } from "./challenge-field.tsx";
import { CoverageText } from "./coverage-text.tsx";

export interface TokenFormProps {
  readonly kind: TokenKind;
  readonly agent: { readonly id: string; readonly hostName: string } | null;
  readonly tenantId: string | undefined;
  readonly onTenant?: (tenantId: string) => void;
  readonly onMade: (token: GeneratedToken) => void;
  readonly onCancel?: () => void;
}

/** What a token is for and why; before it is made, whom it will reach. */
export function TokenForm({ kind, agent, tenantId, onTenant, onMade, onCancel }: TokenFormProps) {
  const [reason, setReason] = useState("");
  const [ticket, setTicket] = useState("");
  const [typed, setTyped] = useState("");
  const [tried, setTried] = useState(false);
  const challenge = readChallenge(typed);
  const target = {
    kind,
    ...(kind === "tenant" && tenantId !== undefined && { tenantId }),
    ...(kind === "agent" && agent !== null && { agentId: agent.id }),
  };
  const isComplete = kind === "cluster" || "tenantId" in target || "agentId" in target;
  const answersChallenge = kind === "agent" && typed !== "";
  const preview = useQuery({
    queryKey: ["agent-tokens", "preview", target, answersChallenge],
    queryFn: () => read(api.POST("/api/v1/agent-tokens/preview", { body: { ...target, answersChallenge } })),
    enabled: isComplete,
    staleTime: 5_000,
  });

  const body = {
    ...target,
    reason: reason.trim(),
    ...(ticket.trim() !== "" && { ticket: ticket.trim() }),
    ...(answersChallenge && { challenge: typed.trim() }),
  };
  // One key for one request: sent twice, because the answer was lost, it gives one token.
  const text = JSON.stringify(body);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another body is another request
  const idempotencyKey = useMemo(() => crypto.randomUUID(), [text]);
  const generate = useAction(
    () =>
      read(
        api.POST("/api/v1/agent-tokens", {
          body,
          headers: { "idempotency-key": idempotencyKey },
        }),
      ),
    { changes: [["agent-tokens"], ["agent-token"]], onDone: onMade },
  );
  const errorAt = fieldErrors(generate.problem);
  const tooShort = reason.trim().replaceAll(/\s/g, "").length < 3;
  const mistyped = answersChallenge && challenge === undefined;

  function submit(event: FormEvent): void {
    event.preventDefault();
    setTried(true);
    if (!tooShort && !mistyped && isComplete) void generate.run();
  }

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {kind === "tenant" && <TenantField tenantId={tenantId} onTenant={onTenant} missing={tried && !isComplete} />}
        <TextInput
          label="Reason"
          description="It stands in the audit log."
          placeholder="Why must protection be lifted?"
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={errorAt("/reason") ?? (tried && tooShort ? "Say why, in three characters or more." : null)}
          data-autofocus
        />
        <TextInput
          label="Ticket"
          description="If there is one."
          maxLength={100}
          value={ticket}
          onChange={(event) => setTicket(event.currentTarget.value)}
          error={errorAt("/ticket")}
        />
        {kind === "agent" && (
          <ChallengeField value={typed} onChange={setTyped} error={errorAt("/challenge")} force={tried && mistyped} />
        )}
        <CoverageText kind={kind} preview={preview} hostName={agent?.hostName} />
        <ProblemAlert problem={generate.problem} fields={["/reason", "/ticket", "/challenge"]} />
        <Group justify="space-between" gap="xs" mt={4}>
          <Text size="xs" c="dimmed" maw={300}>
            A token works for 15 minutes. Whoever has it can lift protection.
          </Text>
          <Group gap="xs">
            {onCancel && (
              <Button variant="default" onClick={onCancel}>
                Cancel
              </Button>
            )}
            <Button type="submit" loading={generate.running}>
              Generate token
            </Button>
          </Group>
        </Group>
      </Stack>
    </form>
  );
}

function TenantField({
  tenantId,
  onTenant,
  missing,
}: {
  readonly tenantId: string | undefined;
  readonly onTenant: ((tenantId: string) => void) | undefined;
  readonly missing: boolean;
}) {
  const may = useMay();
  const tenants = useTenants().filter(({ id }) => may.token("tenant", id));
  return (
    <Select
      label="Tenant"
      placeholder="Choose a tenant"
      data={tenants.map(({ id, name }) => ({ value: id, label: name }))}
      value={tenantId ?? null}
      onChange={(value) => value !== null && onTenant?.(value)}
      allowDeselect={false}
      searchable={tenants.length > 8}
      error={missing ? "Choose the tenant whose agents the token is for." : null}
    />
  );
}
