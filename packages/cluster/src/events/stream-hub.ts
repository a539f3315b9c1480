import type { ChangeFeed, NewsFeed } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import type { NewId } from "../db/ids.ts";
import { dbLimits } from "../db/limits.ts";
import type { Reach } from "../http/access.ts";
import { isWithin, type Permission } from "../identity/permissions.ts";
import type { Principal } from "../identity/principal.ts";
import type { RoleBinding } from "../identity/roles.ts";
import { bindingsStillValid } from "../identity/still-valid.ts";
import type { Db } from "../schema.ts";
import { streamLimits } from "./limits.ts";
import { createPresenceFlips } from "./presence-flips.ts";
import { eventOfChange, eventOfNews, type StreamEvent, wholeOf } from "./stream-events.ts";

export interface StreamHubOptions {
  readonly reads: Db;
  readonly clock: Clock;
  readonly feed: ChangeFeed & NewsFeed;
  readonly newId: NewId;
  /** Told when looking was not possible; it is tried again. */
  readonly failed: (error: unknown) => void;
  readonly limits?: StreamLimits;
}

export type StreamLimits = { readonly [Name in keyof typeof streamLimits]: number };

/** Somebody who looks on. */
export interface StreamReader {
  readonly principal: Principal;
  /** Where somebody with these bindings holds a permission. */
  reachOf(bindings: readonly RoleBinding[], permission: Permission): Reach | null;
  /** Takes some text; false when too much of it waits already: then the reader is cut. */
  write(text: string): boolean;
  /** Ends after what was written. */
  end(): void;
  /** Ends at once. */
  cut(): void;
}

/** All live streams of this node. */
export interface StreamHub {
  /** How many streams are open, and how many of them are this user's. */
  count(userId: string): { readonly all: number; readonly own: number };
  /**
   * Begins to tell a reader what he may know, until the returned function is called or the hub ends it.
   *
   * @param lastEventId the last one that he has, when he comes back
   */
  open(reader: StreamReader, lastEventId: string | undefined): () => void;
  /** Ends all of them. */
  stop(): void;
}

interface OpenStream {
  readonly reader: StreamReader;
  bindings: readonly RoleBinding[];
  reaches: Map<Permission, Reach | null>;
}

interface Sent {
  readonly event: StreamEvent;
  readonly id: string;
  readonly text: string;
}

/**
 * Tells those who look on what happens, whichever node it happens on. A burst goes out together; what a reader may not
 * see never reaches his connection; who cannot follow is cut, so that one slow reader costs the others nothing.
 */
export function createStreamHub({
  reads,
  clock,
  feed,
  newId,
  failed,
  limits = streamLimits,
}: StreamHubOptions): StreamHub {
  const streams = new Set<OpenStream>();
  /** Event ids of one node mean nothing to another, nor to this one's next life. */
  const life = newId();
  const flips = createPresenceFlips(reads);
  let sentSoFar = 0;
  let remembered: Sent[] = [];
  let gathered = new Map<string, StreamEvent>();
  let gathering: NodeJS.Timeout | undefined;
  let stopped = false;

  function gather(event: StreamEvent): void {
    gathered.set(JSON.stringify([event.name, event.data]), event);
    gathering ??= setTimeout(send, limits.gatherMs);
  }

  function send(): void {
    gathering = undefined;
    const events = together([...gathered.values()], limits.maxOneByOne);
    gathered = new Map();
    const sent = events.map((event): Sent => {
      sentSoFar += 1;
      const id = `${life}.${sentSoFar}`;
      return { event, id, text: frame(event.name, event.data, id) };
    });
    remembered = [...remembered, ...sent].slice(-limits.rememberedEvents);
    for (const stream of streams) tell(stream, sent);
  }

  function tell(stream: OpenStream, sent: readonly Sent[]): void {
    const text = sent
      .filter(({ event }) => maySee(stream, event))
      .map((one) => one.text)
      .join("");
    if (text !== "") write(stream, text);
  }

  function write(stream: OpenStream, text: string): void {
    if (stream.reader.write(text)) return;
    streams.delete(stream);
    stream.reader.cut();
  }

  function endWith(stream: OpenStream, reason: string): void {
    if (!streams.delete(stream)) return;
    stream.reader.write(frame("end", { reason }));
    stream.reader.end();
  }

  /** Nobody knows what was missed: whoever shows something reads it again. */
  function resync(): void {
    remembered = [];
    beginFlips();
    for (const stream of streams) write(stream, frame("resync", { reason: "missed" }));
  }

  async function checkReaders(): Promise<void> {
    const all = [...streams];
    for (let start = 0; start < all.length; start += dbLimits.maxRowsPerStatement) {
      const some = all.slice(start, start + dbLimits.maxRowsPerStatement);
      const valid = await bindingsStillValid(
        reads,
        some.map(({ reader }) => reader.principal),
        clock.now(),
      );
      for (const stream of some) checkReader(stream, valid.get(stream.reader.principal.credentialId));
    }
  }

  function checkReader(stream: OpenStream, bindings: readonly RoleBinding[] | undefined): void {
    if (bindings === undefined) {
      endWith(stream, "session_ended");
      return;
    }
    if (JSON.stringify(bindings) === JSON.stringify(stream.bindings)) return;
    stream.bindings = bindings;
    stream.reaches = new Map();
    write(stream, frame("resync", { reason: "roles_changed" }));
  }

  /** Rounds of one kind come one after the other, and only while somebody looks on. */
  function every(ms: number, work: () => Promise<void> | void): NodeJS.Timeout {
    let running = false;
    const timer = setInterval(async () => {
      if (running || stopped || streams.size === 0) return;
      running = true;
      try {
        await work();
      } catch (error) {
        if (!stopped) failed(error);
      } finally {
        running = false;
      }
    }, ms);
    timer.unref();
    return timer;
  }

  /** What is so now is what a reader sees who reads now. */
  function beginFlips(): void {
    flips.forget();
    void lookForFlips().catch((error: unknown) => {
      if (!stopped) failed(error);
    });
  }

  async function lookForFlips(): Promise<void> {
    for (const event of await flips.look(clock.now())) gather(event);
  }

  const timers = [
    every(limits.heartbeatMs, () => {
      for (const stream of streams) write(stream, ": still here\n\n");
    }),
    every(limits.checkMs, checkReaders),
    every(limits.presenceMs, lookForFlips),
  ];
  const leaveNews = feed.news((news) => {
    const event = eventOfNews(news);
    if (event === null) resync();
    else gather(event);
  });
  const leaveChanges = feed.changes((change) => {
    const event = eventOfChange(change);
    if (event === null) resync();
    else if (event !== undefined) gather(event);
  });

  return {
    count(userId) {
      const own = [...streams].filter(({ reader }) => reader.principal.userId === userId);
      return { all: streams.size, own: own.length };
    },
    open(reader, lastEventId) {
      const stream: OpenStream = { reader, bindings: reader.principal.bindings, reaches: new Map() };
      if (streams.size === 0) beginFlips();
      streams.add(stream);
      write(stream, `retry: ${limits.retryMs}\n${frame("hello", { heartbeatMs: limits.heartbeatMs })}`);
      if (lastEventId !== undefined) {
        const index = remembered.findIndex(({ id }) => id === lastEventId);
        if (index < 0) write(stream, frame("resync", { reason: "missed" }));
        else tell(stream, remembered.slice(index + 1));
      }
      if (stopped) endWith(stream, "shutting_down");
      return () => streams.delete(stream);
    },
    stop() {
      stopped = true;
      leaveNews();
      leaveChanges();
      clearTimeout(gathering);
      for (const timer of timers) clearInterval(timer);
      for (const stream of [...streams]) endWith(stream, "shutting_down");
    },
  };
}

function maySee(stream: OpenStream, { permission, tenantId }: StreamEvent): boolean {
  let reach = stream.reaches.get(permission);
  if (reach === undefined) {
    reach = stream.reader.reachOf(stream.bindings, permission);
    stream.reaches.set(permission, reach);
  }
  return isWithin(reach, tenantId);
}

/** Many events of one kind in one tenant become one that says to look at all of them. */
function together(events: readonly StreamEvent[], most: number): StreamEvent[] {
  const alike = Map.groupBy(events, ({ name, tenantId }) => `${name} ${tenantId ?? ""}`);
  return [...alike.values()].flatMap((some) => {
    const [first] = some;
    return first !== undefined && sizeOf(some) > most ? [wholeOf(first)] : some;
  });
}

/** A presence event names many agents. */
function sizeOf(events: readonly StreamEvent[]): number {
  return events.reduce((size, { name, data }) => {
    if (name !== "presence") return size + 1;
    const { active, inactive } = data as { active: readonly string[]; inactive: readonly string[] };
    return size + active.length + inactive.length;
  }, 0);
}

/** One event in the form of the WHATWG's server-sent events. JSON has no line breaks of its own. */
function frame(name: string, data: Readonly<Record<string, unknown>>, id?: string): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
