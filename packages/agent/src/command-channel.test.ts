import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openChannel } from "./command-channel.ts";
import { AlreadyRunning, ChannelTaken, type CommandListener } from "./ports.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Refuses as often as there are errors, then listens. */
function listenerAfter(...errors: Error[]) {
  const listener = {
    closed: 0,
    tries: 0,
    async listen(): ReturnType<CommandListener["listen"]> {
      listener.tries++;
      const error = errors.shift();
      if (error) throw error;
      return {
        async close() {
          listener.closed++;
        },
      };
    },
  };
  return listener;
}

function newsOf() {
  const told: string[] = [];
  return { told, taken: () => void told.push("taken"), ours: () => void told.push("ours"), log: () => {} };
}

const taken = () => new ChannelTaken("another program holds it");

test("a name that is taken is told of once, and that it is ours again", async () => {
  const news = newsOf();
  const channel = openChannel(listenerAfter(taken(), taken(), taken()), async () => "", news);
  await channel.tried;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(news.told).toEqual(["taken"]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(news.told).toEqual(["taken", "ours"]);
  await channel.close();
});

test("another trouble is tried again, and accuses nobody", async () => {
  const news = newsOf();
  const listener = listenerAfter(new Error("no memory"));
  await openChannel(listener, async () => "", news).tried;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(listener.tries).toBe(2);
  expect(news.told).toEqual([]);
});

test("closed, it is not tried any more", async () => {
  const listener = listenerAfter(taken(), taken());
  const channel = openChannel(listener, async () => "", newsOf());
  await channel.tried;
  await channel.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(listener.tries).toBe(1);
});

test("a second service does not start", async () => {
  const channel = openChannel(listenerAfter(new AlreadyRunning("it runs")), async () => "", newsOf());
  await expect(channel.tried).rejects.toThrow(AlreadyRunning);
});
