import { Text } from "@mantine/core";
import { api } from "../../api/client.ts";
import { useAction } from "../../api/use-action.ts";
import { Confirm } from "../../shared/confirm.tsx";
import type { User } from "./user.ts";

export type UserActionKind = "lock" | "unlock" | "end_sessions" | "delete";

interface Words {
  readonly title: string;
  readonly verb: string;
  readonly consequences: string;
  readonly done: string;
  readonly dangerous?: true;
}

/** Asks before something that hits a user at once, and does it. */
export function UserAction({
  user,
  what,
  onClose,
}: {
  readonly user: User;
  readonly what: UserActionKind;
  readonly onClose: () => void;
}) {
  const words = wordsOf(user.name)[what];
  const act = useAction(() => send(user.id, what), { changes: [["users"]], done: words.done, onDone: onClose });
  return (
    <Confirm
      title={words.title}
      verb={words.verb}
      dangerous={words.dangerous ?? false}
      running={act.running}
      problem={act.problem}
      onConfirm={() => void act.run()}
      onClose={onClose}
    >
      <Text size="md">{words.consequences}</Text>
    </Confirm>
  );
}

function send(id: string, what: UserActionKind): Promise<unknown> {
  const params = { path: { id } };
  switch (what) {
    case "lock":
      return api.PATCH("/api/v1/users/{id}", { params, body: { disabled: true } });
    case "unlock":
      return api.PATCH("/api/v1/users/{id}", { params, body: { disabled: false } });
    case "end_sessions":
      return api.DELETE("/api/v1/users/{id}/sessions", { params });
    case "delete":
      return api.DELETE("/api/v1/users/{id}", { params });
  }
}

function wordsOf(name: string): Record<UserActionKind, Words> {
  return {
    lock: {
      title: `Lock out ${name}?`,
      verb: "Lock out",
      consequences: `All sessions of ${name} end at once, the API keys stop working, and nobody can log in by this name until you let it in again.`,
      done: `${name} is locked out.`,
    },
    unlock: {
      title: `Let ${name} in again?`,
      verb: "Let in",
      consequences: `${name} can log in again, with the same roles; API keys that have not expired work again.`,
      done: `${name} can log in again.`,
    },
    end_sessions: {
      title: `End all sessions of ${name}?`,
      verb: "End all sessions",
      consequences: `${name} has to log in again everywhere. API keys go on working.`,
      done: `The sessions of ${name} have ended.`,
    },
    delete: {
      title: `Delete ${name}?`,
      verb: "Delete",
      consequences: `Sessions and API keys of ${name} end at once. The audit log keeps what was done under this name.`,
      done: `${name} is deleted.`,
      dangerous: true,
    },
  };
}
