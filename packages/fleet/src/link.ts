import { type ClusterAddress, type Exchange, exchangeWith, NoResponse } from "@postern/agent";

/** A way to the cluster that can be cut, as by a pulled cable: what is under way ends, and nothing else gets through. */
export interface Link {
  exchangeWith(address: ClusterAddress): Exchange;
  cut(): void;
  mend(): void;
  isCut(): boolean;
}

export function createLink(): Link {
  let pulled: AbortController | undefined;
  let plugged = new AbortController();

  return {
    exchangeWith(address) {
      const exchange = sharedExchange(address);
      return async (path, body, options) => {
        if (pulled) throw noRoute();
        const { signal } = plugged;
        const signals = options.signal ? AbortSignal.any([options.signal, signal]) : signal;
        try {
          return await exchange(path, body, { ...options, signal: signals });
        } catch (error) {
          throw signal.aborted ? noRoute() : error;
        }
      };
    },
    cut() {
      pulled = plugged;
      pulled.abort();
    },
    mend() {
      if (pulled) plugged = new AbortController();
      pulled = undefined;
    },
    isCut: () => pulled !== undefined,
  };
}

/** One for each cluster: the agents of a process share its pool of connections. */
const exchanges = new Map<string, Exchange>();

function sharedExchange(address: ClusterAddress): Exchange {
  const key = JSON.stringify(address);
  const exchange = exchanges.get(key) ?? exchangeWith(address);
  exchanges.set(key, exchange);
  return exchange;
}

function noRoute(): NoResponse {
  return new NoResponse("ENETUNREACH");
}
