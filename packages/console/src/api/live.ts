import type { QueryClient } from "@tanstack/react-query";
import { externalValue } from "../shared/external-value.ts";

/** How the page learns of changes: told by the cluster, or by asking every now and then. */
export const liveness = externalValue<"told" | "asking">("asking");

/** What the page shows of each event of `GET /stream`, as the first words of its queries' keys. */
const keysBehind: Readonly<Record<string, readonly string[]>> = {
  agent: ["agents", "agent", "agent-facets", "activation-keys"],
  presence: ["agents", "agent", "agent-facets"],
  assignment: ["agents", "agent", "agent-facets", "intents"],
  journal: ["journal", "events", "agent"],
  token: ["agent-tokens", "agent-token", "journal"],
  alarm: ["alarms", "alarm"],
  profile: ["profiles", "profile", "agents", "agent", "agent-facets"],
  keys: ["keys", "key"],
};

/** What is asked for again where nothing is told: all of it, and what the stream has no event for. */
const everything = [...new Set([...Object.values(keysBehind).flat(), "tenants", "users", "sessions"])];
/** The stream tells who falls silent and who comes back, and not each check-in: when an agent was seen last moves on. */
const movesOnUntold = ["agents", "agent"];

const askEveryMs = 10_000;
const askTheUntoldEveryMs = 30_000;
/** After a refusal; after a lost connection the browser comes back by itself. */
const openAgainMs = 30_000;
/** Changes that come together are taken together: 1,000 agents that change do not redraw 1,000 times. */
const gatherMs = 500;
/** A page in front of which nobody sits lets its session end. */
const idleAfterMs = 30 * 60_000;

/**
 * Keeps what is shown up to date until the returned function is called: by the cluster's stream of events, and while there
 * is none, by asking every ten seconds. A hidden page catches up when it is looked at again.
 */
export function keepLive(client: QueryClient): () => void {
  const stale = new Set<string>();
  let gathering: number | undefined;
  let source: EventSource | undefined;
  let closedAt = 0;
  let askedAt = Date.now();
  let touchedAt = Date.now();

  const isWatched = () => document.visibilityState === "visible" && Date.now() - touchedAt < idleAfterMs;

  function refresh(): void {
    gathering = undefined;
    if (!isWatched() || stale.size === 0) return;
    const words = [...stale];
    stale.clear();
    void client.invalidateQueries({ predicate: ({ queryKey }) => words.includes(String(queryKey[0])) });
  }

  function gather(words: readonly string[]): void {
    for (const word of words) stale.add(word);
    gathering ??= window.setTimeout(refresh, gatherMs);
  }

  function open(): void {
    const opened = new EventSource("/api/v1/stream");
    source = opened;
    for (const [event, words] of Object.entries(keysBehind)) opened.addEventListener(event, () => gather(words));
    opened.addEventListener("hello", () => liveness.set("told"));
    // Something may have been missed; or the session is over, which the next answer tells.
    for (const event of ["resync", "end"]) opened.addEventListener(event, () => gather(everything));
    opened.onerror = () => {
      liveness.set("asking");
      if (opened.readyState !== EventSource.CLOSED) return;
      source = undefined;
      closedAt = Date.now();
    };
  }

  const timer = window.setInterval(() => {
    if (!isWatched()) return;
    const now = Date.now();
    if (source === undefined && now - closedAt > openAgainMs) open();
    if (liveness.get() === "asking") gather(everything);
    else if (now - askedAt > askTheUntoldEveryMs) {
      askedAt = now;
      gather(movesOnUntold);
    }
  }, askEveryMs);

  function touched(): void {
    touchedAt = Date.now();
    if (stale.size > 0) gather([]);
  }
  const gestures = ["pointerdown", "keydown", "visibilitychange"] as const;
  for (const gesture of gestures) document.addEventListener(gesture, touched);
  open();

  return () => {
    source?.close();
    window.clearInterval(timer);
    window.clearTimeout(gathering);
    for (const gesture of gestures) document.removeEventListener(gesture, touched);
  };
}
