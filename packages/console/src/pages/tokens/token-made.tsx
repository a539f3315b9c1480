import { Alert, Button, Group, Stack, Text, Title } from "@mantine/core";
import { IconArrowLeft, IconDownload, IconEye, IconEyeOff } from "@tabler/icons-react";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import type { GeneratedToken, TokenKind, TokenSummary } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { CommandLine } from "../../shared/command-line.tsx";
import { CopyButton } from "../../shared/copy-button.tsx";
import { download } from "../../shared/download.ts";
import { useNow } from "../../shared/now.ts";
import { ProblemAlert } from "../../shared/problem-alert.tsx";
import { clockTime, localTime, utcTime } from "../../shared/times.ts";
import { tokenKindNames } from "../../shared/words.ts";
import { Redemptions } from "./redemptions.tsx";
import classes from "./tokens.module.css";

/** A live token; `token` is undefined until it was asked for. */
export interface MadeToken {
  readonly id: string;
  readonly kind: TokenKind;
  readonly token: string | undefined;
  readonly expiresAt: string;
  readonly coverage: GeneratedToken["coverage"] | undefined;
  readonly agentId: string | undefined;
  readonly tenantId: string | undefined;
  /** The host's or the tenant's name; undefined for the cluster's. */
  readonly forWhom: string | undefined;
}

/** A live token that is looked at again; it shows itself when it is asked to. */
export function toMade({ id, kind, expiresAt, agent, tenant }: TokenSummary): MadeToken {
  const forWhom = agent?.hostName ?? tenant?.name;
  return {
    id,
    kind,
    expiresAt,
    token: undefined,
    coverage: undefined,
    agentId: agent?.id,
    tenantId: tenant?.id,
    forWhom,
  };
}

const program = '"C:\\Program Files\\Postern\\PosternAgent.exe"';
const masked = "••••••••••••••••";

/** The token key with its expiry, the ways to carry it to the workload, and who redeemed it. */
export function TokenMade({
  made,
  onBack,
  onClose,
  backWord = "Another token",
}: {
  readonly made: MadeToken;
  readonly onBack: () => void;
  readonly onClose?: () => void;
  readonly backWord?: string;
}) {
  const expiresAt = Date.parse(made.expiresAt);
  const left = expiresAt - useNow(1_000);
  const [revealed, setRevealed] = useState<string>();
  const token = made.token ?? revealed;
  const [shown, setShown] = useState(false);
  const [fileName, setFileName] = useState<string>();
  const reveal = useAction(() => read(api.GET("/api/v1/agent-tokens/{id}", { params: { path: { id: made.id } } })), {
    onDone: (detail) => {
      setRevealed(detail.token ?? undefined);
      setShown(true);
    },
  });
  const save = useAction(() => download(`/api/v1/agent-tokens/${made.id}/download`, "agent-token.txt"), {
    done: (name) => `${name} was saved.`,
    onDone: setFileName,
  });

  if (left <= 0) {
    return (
      <Stack gap="md">
        <Alert color="yellow" title="This token has expired">
          It expired at {localTime(expiresAt)} ({utcTime(expiresAt)}) and is refused from now on.
        </Alert>
        <Redemptions made={made} />
        <Group justify="flex-end">
          <Button onClick={onBack}>{backWord}</Button>
        </Group>
      </Stack>
    );
  }
  return (
    <Stack gap="md">
      <div className={classes["clock"]}>
        <span className={classes["left"]} data-ending={left < 120_000 || undefined} role="timer" aria-label="Time left">
          {clockTime(left)}
        </span>
        <Text size="sm">
          {tokenKindNames[made.kind]}
          {made.forWhom !== undefined && (
            <>
              {" "}
              <b>{made.forWhom}</b>
            </>
          )}
          , until {localTime(expiresAt, { timeStyle: "medium" })} ({utcTime(expiresAt)})
        </Text>
      </div>
      <div>
        <Group justify="space-between" mb={4} gap="xs">
          <Title order={3}>Token key</Title>
          {token !== undefined && (
            <Button
              size="xs"
              variant="subtle"
              onClick={() => setShown(!shown)}
              leftSection={shown ? <IconEyeOff size={15} aria-hidden /> : <IconEye size={15} aria-hidden />}
            >
              {shown ? "Hide" : "Show"}
            </Button>
          )}
        </Group>
        {token === undefined ? (
          <Button
            variant="default"
            leftSection={<IconEye size={16} aria-hidden />}
            onClick={() => void reveal.run()}
            loading={reveal.running}
          >
            Show the token key
          </Button>
        ) : (
          <div className={classes["key"]}>
            <CommandLine command={token} shown={shown ? token : masked + masked + masked} what="the token key" />
          </div>
        )}
      </div>
      <Group gap="xs">
        <Button
          leftSection={<IconDownload size={16} aria-hidden />}
          onClick={() => void save.run()}
          loading={save.running}
        >
          Download Token
        </Button>
        {token !== undefined && (
          <CopyButton text={token} what="the token key">
            Copy the token key
          </CopyButton>
        )}
      </Group>
      <ProblemAlert problem={save.problem ?? reveal.problem} />
      <div>
        <Title order={3} mb={4}>
          On the workload, as an administrator
        </Title>
        <Stack gap={6}>
          <CommandLine command={`${program} -unprotect -file ${fileName ?? "agent-token.txt"}`} />
          {token !== undefined && (
            <CommandLine
              command={`${program} -unprotect ${token}`}
              shown={`${program} -unprotect ${shown ? token : masked}`}
              what="the command with the token key"
            />
          )}
        </Stack>
        <Text size="xs" c="dimmed" mt={4}>
          With the downloaded file, or with the token key itself. In PowerShell write &amp; before it. It needs no
          connection.
        </Text>
      </div>
      <Redemptions made={made} />
      <Group justify="space-between">
        <Button variant="subtle" leftSection={<IconArrowLeft size={16} aria-hidden />} onClick={onBack}>
          {backWord}
        </Button>
        {onClose && (
          <Button variant="default" onClick={onClose}>
            Close
          </Button>
        )}
      </Group>
    </Stack>
  );
}
