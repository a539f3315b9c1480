import type { Change, News } from "../change-feed.ts";
import type { Permission } from "../identity/permissions.ts";

/** Something that those may be told who hold a permission in a tenant. */
export interface StreamEvent {
  readonly name: "agent" | "presence" | "journal" | "token" | "alarm" | "profile" | "assignment" | "keys";
  readonly permission: Permission;
  /** Null: those who hold it for the whole cluster. */
  readonly tenantId: string | null;
  /** Ids only: whoever wants to know more asks for it, and is answered by his rights of then. */
  readonly data: Readonly<Record<string, unknown>>;
}

const permissions = {
  agent: "agent.read",
  presence: "agent.read",
  assignment: "agent.read",
  journal: "event.read",
  token: "agent-token.read",
  alarm: "alarm.read",
  profile: "profile.read",
  keys: "key.read",
} as const satisfies Record<StreamEvent["name"], Permission>;

/** @returns null for what was missed: then nobody knows what to tell */
export function eventOfNews(news: News): StreamEvent | null {
  if (news.kind === "anything") return null;
  const { kind, ...data } = news;
  return makeEvent(kind, news.tenantId, data);
}

/** @returns null as above; undefined for what is told otherwise */
export function eventOfChange(change: Change): StreamEvent | null | undefined {
  switch (change.kind) {
    case "anything":
      return null;
    case "revocation": // told with the token's news
    case "told": // to agents; what they make of it is news of theirs
      return undefined;
    case "keys":
      return makeEvent("keys", null, {});
    default: {
      const { kind, ...data } = change;
      return makeEvent(kind, change.tenantId, data);
    }
  }
}

/** Agents of a tenant of which nothing more was heard, or again something. */
export function presenceEvent(tenantId: string, active: readonly string[], inactive: readonly string[]): StreamEvent {
  return makeEvent("presence", tenantId, { tenantId, active, inactive });
}

/** Says to look at all of a kind in a tenant, instead of many single events. */
export function wholeOf({ name, tenantId }: StreamEvent): StreamEvent {
  return makeEvent(name === "presence" ? "agent" : name, tenantId, { tenantId, all: true });
}

function makeEvent(
  name: StreamEvent["name"],
  tenantId: string | null,
  data: Readonly<Record<string, unknown>>,
): StreamEvent {
  return { name, permission: permissions[name], tenantId, data };
}
