import type { QueryClient } from "@tanstack/react-query";
import { externalValue } from "../shared/external-value.ts";

/** How the page learns of changes: told by the cluster, or by asking every now and then. */
export const liveness = externalValue<"told" | "asking">("asking");

/** What the page shows of each kind of change, as the begins of its queries' keys. */
const keysBehind: Readonly<Record<string, readonly string[]>> = {
  agent: ["agents", "agent", "agent-facets"],
  journal: ["journal", "events", "agent-tokens", "agent"],
  token: ["agent-tokens", "agent-token"],
  redemption: ["agent-tokens", "agent-token", "journal"],
  alarm: ["alarms"],
  profile: ["profiles", "profile", "agents", "agent"],
  intent: ["intents", "agents"],
  tenant: ["tenants"],
  key: ["keys"],
};

const askEveryMs = 10_000;
/** Changes that come together are taken together, so that 1,000 agents which check in do not redraw 1,000 times. */
const gatherMs = 1_000;
/** A page in front of which nobody sits lets its session end. */
const idleAfterMs = 30 * 60_000;

/**
 * Keeps what is shown up to date until the returned function is called: by the cluster's stream of changes, and while
 * there is none, by asking every ten seconds. Does nothing while the page is hidden or nobody has touched it for long.
 */
export function keepLive(client: QueryClient): () => void {
  const stale = new Set<string>();
  let gathering: number | undefined;
  let touchedAt = Date.now();
  let source: EventSource | undefined;

  const isWatched = () => document.visibilityState === "visible" && Date.now() - touchedAt < idleAfterMs;

  function refresh(): void {
    gathering = undefined;
    if (!isWatched()) return;
    const begins = [...stale];
    stale.clear();
    void client.invalidateQueries({ predicate: ({ queryKey }) => begins.includes(String(queryKey[0])) });
  }

  function gather(begins: readonly string[]): void {
    for (const begin of begins) stale.add(begin);
    gathering ??= window.setTimeout(refresh, gatherMs);
  }

  function open(): void {
    source = new EventSource("/api/v1/stream");
    source.onopen = () => {
      liveness.set("told");
      // Whatever happened while nobody listened.
      gather(everything);
    };
    source.onerror = () => {
      liveness.set("asking");
      // The browser tries again by itself, unless the answer was a refusal.
      if (source?.readyState === EventSource.CLOSED) source = undefined;
    };
    for (const kind of Object.keys(keysBehind)) source.addEventListener(kind, () => gather(keysBehind[kind] ?? []));
  }

  const timer = window.setInterval(() => {
    if (!isWatched()) return;
    if (source === undefined) open();
    if (liveness.get() === "asking") gather(everything);
  }, askEveryMs);
  const touched = () => {
    const wasAway = !isWatched();
    touchedAt = Date.now();
    if (wasAway) gather(everything);
  };
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

const everything = [...new Set(Object.values(keysBehind).flat())];
