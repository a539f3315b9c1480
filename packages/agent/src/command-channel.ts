import { messageOf } from "./message-of.ts";
import { AlreadyRunning, ChannelTaken, type CommandListener } from "./ports.ts";

const listenAgainMs = 10_000;

/** The way from the command line's program to the service. */
export interface CommandChannel {
  /** Resolves when opening it was tried once. @throws {AlreadyRunning} */
  readonly tried: Promise<void>;
  close(): Promise<void>;
}

/** What happens to the channel: each is told once, however often opening it is tried. */
export interface ChannelNews {
  /** Somebody else has its name. */
  taken(): void;
  /** It is ours again. */
  ours(): void;
  log(line: string): void;
}

/** Opens the channel, and tries again while somebody else has its name: protection does not wait for it. */
export function openChannel(
  listener: CommandListener,
  answer: (request: string) => Promise<string>,
  news: ChannelNews,
): CommandChannel {
  let open: { close(): Promise<void> } | undefined;
  let again: NodeJS.Timeout | undefined;
  let isTaken = false;
  let isClosed = false;

  return {
    tried: attempt(),
    async close() {
      isClosed = true;
      clearTimeout(again);
      await open?.close();
    },
  };

  async function attempt(): Promise<void> {
    try {
      open = await listener.listen(answer);
      if (isTaken) news.ours();
      isTaken = false;
    } catch (error) {
      if (error instanceof AlreadyRunning) throw error;
      news.log(`the command line cannot reach this service: ${messageOf(error)}`);
      if (error instanceof ChannelTaken && !isTaken) {
        isTaken = true;
        news.taken();
      }
      again = setTimeout(() => {
        if (!isClosed) attempt().catch((later: unknown) => news.log(messageOf(later)));
      }, listenAgainMs);
    }
  }
}
