import { Alert, Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle, IconShieldCheck } from "@tabler/icons-react";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import type { Answer } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { useTenantName } from "../../app/tenant.ts";
import { ProblemAlert } from "../../shared/problem-alert.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { count } from "../../shared/words.ts";

type Verification = Answer<"/api/v1/audit/verification">;

/** Has the cluster recompute every chain when asked to: it reads the whole log. */
export function AuditVerification() {
  const [verified, setVerified] = useState<{ readonly at: string; readonly what: Verification }>();
  const verify = useAction(() => read(api.GET("/api/v1/audit/verification")), {
    onDone: (what) => setVerified({ at: new Date().toISOString(), what }),
  });
  return (
    <Group gap="sm" mb="sm" align="center">
      <Button variant="default" loading={verify.running} onClick={() => void verify.run()}>
        Verify the chains
      </Button>
      {verify.problem && <ProblemAlert problem={verify.problem} />}
      {verified === undefined ? (
        <Text size="sm" c="dimmed" maw={620}>
          Recomputes every entry's hash and compares the chains with the signed checkpoints. A whole log that was made
          anew shows only against a checkpoint kept elsewhere: <code>postern audit verify --checkpoint FILE</code>.
        </Text>
      ) : (
        <Verdict at={verified.at} what={verified.what} />
      )}
    </Group>
  );
}

function Verdict({ at, what }: { readonly at: string; readonly what: Verification }) {
  const tenantName = useTenantName();
  const entries = what.chains.reduce((total, chain) => total + chain.entries, 0);
  if (what.intact) {
    return (
      <Text size="sm" role="status" component="div">
        <Group gap={6} wrap="nowrap">
          <IconShieldCheck size={17} color="var(--tone-good)" style={{ flex: "none" }} aria-hidden />
          <span>
            Intact: {count(entries, "entry", "entries")} in {count(what.chains.length, "chain")}, signed by{" "}
            {count(what.checkpoints.newest, "checkpoint")}. <RelativeTime at={at} />
          </span>
        </Group>
      </Text>
    );
  }
  const faults = [
    ...what.chains.flatMap(({ tenantId, fault }) =>
      fault === null
        ? []
        : [`${tenantId === null ? "The cluster" : tenantName(tenantId)}, entry ${fault.seq}: ${fault.detail}`],
    ),
    ...(what.checkpoints.fault === null
      ? []
      : [`Checkpoint ${what.checkpoints.fault.n}: ${what.checkpoints.fault.detail}`]),
  ];
  return (
    <Alert color="red" icon={<IconAlertTriangle size={18} />} title="The audit log was changed" role="alert">
      {faults.map((fault) => (
        <Text key={fault} size="md">
          {fault}
        </Text>
      ))}
    </Alert>
  );
}
