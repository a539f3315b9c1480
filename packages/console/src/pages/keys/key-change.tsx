import { Alert, Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client.ts";
import { useAction } from "../../api/use-action.ts";
import { fieldErrors, ProblemAlert } from "../../shared/problem-alert.tsx";
import { LoadingState } from "../../shared/states.tsx";
import { KeyReachView } from "./key-reach.tsx";
import { useKeyReach } from "./key-reach-dialog.tsx";
import { type Key, keyUseNames } from "./key-words.ts";

export type KeyChangeKind = "rotate" | "compromise" | "destroy";

interface Words {
  readonly title: string;
  readonly verb: string;
  readonly consequences: string;
  readonly done: string;
}

const words: Record<KeyChangeKind, Words> = {
  rotate: {
    title: "Rotate the key",
    verb: "Rotate",
    consequences:
      "A new key signs from now on. The one of now stays in the trust bundle beside it, so that nobody is cut off; agents that are away " +
      "still accept tokens signed with the key they hold.",
    done: "A new key signs now.",
  },
  compromise: {
    title: "Mark the key as compromised",
    verb: "Mark as compromised",
    consequences:
      "It never signs again, and connected agents refuse it within a minute. Agents that are away and hold no other token key cannot be reached by a " +
      "token until they have been connected. This cannot be undone.",
    done: "The key never signs again.",
  },
  destroy: {
    title: "Destroy the private half",
    verb: "Destroy",
    consequences:
      "Nobody can sign with this key again, on any node. Backups of the data directory may still have it. This cannot be undone.",
    done: "The private half is gone.",
  },
};

/** Changes a key: says first whom that hits, and asks why. */
export function KeyChange({
  what,
  use,
  keyOf,
  onClose,
}: {
  readonly what: KeyChangeKind;
  readonly use: Key["use"];
  /** Not for a rotation, which makes a new one. */
  readonly keyOf?: Key;
  readonly onClose: () => void;
}) {
  const [reason, setReason] = useState("");
  const { title, verb, consequences, done } = words[what];
  const reach = useKeyReach(keyOf?.kid);
  const change = useAction(() => send(what, use, keyOf?.kid ?? "", reason, reach.data?.stranded.count ?? 0), {
    changes: [["keys"]],
    done,
    onDone: onClose,
  });
  const known = keyOf === undefined || reach.data !== undefined;
  function submit(event: FormEvent): void {
    event.preventDefault();
    void change.run();
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={`${title}: ${keyUseNames[use].toLowerCase()}`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="md">{consequences}</Text>
          {keyOf !== undefined &&
            (reach.data ? (
              <Alert color={reach.data.stranded.count > 0 ? "red" : "gray"}>
                <KeyReachView reach={reach.data} />
              </Alert>
            ) : (
              <LoadingState />
            ))}
          <Textarea
            label="Why"
            description="It stands in the audit log."
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            error={fieldErrors(change.problem)("/reason")}
            maxLength={500}
            data-autofocus
          />
          <ProblemAlert problem={change.problem ?? undefined} fields={["/reason"]} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              loading={change.running}
              disabled={reason.trim().length < 3 || !known}
              {...(what !== "rotate" && { color: "red.8" })}
            >
              {verb}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function send(what: KeyChangeKind, use: string, kid: string, reason: string, stranded: number): Promise<unknown> {
  switch (what) {
    case "rotate":
      return api.POST("/api/v1/keys/{use}/rotate", { params: { path: { use } }, body: { reason } });
    case "compromise":
      return api.POST("/api/v1/keys/{kid}/compromise", { params: { path: { kid } }, body: { reason } });
    case "destroy":
      return api.POST("/api/v1/keys/{kid}/destroy", { params: { path: { kid } }, body: { reason, stranded } });
  }
}
