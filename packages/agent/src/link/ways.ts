import { checkClusterUrl, type Exchange } from "./exchange.ts";

/** The addresses of the cluster, and which of them the next request goes to. */
export interface Ways {
  /** The way of the next request, and whether the cluster has given a valid answer there. */
  current(): { readonly url: string; readonly exchange: Exchange; readonly isProven: boolean };
  /** A valid, signed answer came by it: it is kept. Nothing less says that the cluster is there. */
  answered(): void;
  /** It did not bring one. @returns whether there is another that was not tried since the last answer */
  failed(): boolean;
}

export interface WaysOptions {
  /** The address of the enrolment: it always stays one to come back to. */
  readonly enrolled: string;
  /** What the applied config says, the first one first. */
  told(): readonly string[];
  /** Where the last valid answer came from. */
  readonly reached: { read(): string | undefined; write(url: string): void };
  exchangeAt(url: string): Exchange;
  /** Interrupt time. */
  nowMs(): number;
  /** How long the agent stays at an address that is not the first one wanted, before it tries that again. */
  readonly returnMs: number;
}

/**
 * Follows the addresses that a config names. The first of them is tried first; one that brings no valid answer costs a
 * try and nothing else, since the address where the cluster answered last, and the one of the enrolment, come after them.
 * So neither a mistyped address nor a false server at it can cut an agent off.
 */
export function createWays({ enrolled, told, reached, exchangeAt, nowMs, returnMs }: WaysOptions): Ways {
  let proven = reached.read() ?? enrolled;
  let known = "";
  let list: readonly string[] = [];
  let at = 0;
  let failures = 0;
  let lastFirstMs = nowMs();
  const exchanges = new Map<string, Exchange>();

  function look(): void {
    const wanted = told().filter((url) => checkClusterUrl(url) === undefined);
    const now = [...new Set([...wanted, proven, enrolled])];
    if (now.join("\n") !== known) {
      known = now.join("\n");
      list = now;
      at = 0;
      lastFirstMs = nowMs();
    }
    if (at > 0 && failures === 0 && nowMs() - lastFirstMs >= returnMs) {
      at = 0;
      lastFirstMs = nowMs();
    }
  }

  return {
    current() {
      look();
      const url = list[at] ?? enrolled;
      const exchange = exchanges.get(url) ?? exchangeAt(url);
      exchanges.set(url, exchange);
      return { url, exchange, isProven: url === proven };
    },
    answered() {
      const url = list[at] ?? enrolled;
      failures = 0;
      if (url === proven) return;
      proven = url;
      reached.write(url);
    },
    failed() {
      failures += 1;
      at = (at + 1) % list.length;
      return list.length > 1 && failures < list.length;
    },
  };
}
