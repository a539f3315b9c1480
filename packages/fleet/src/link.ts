import { type ClusterAddress, type Exchange, exchangeWith, NoResponse } from "@postern/agent";

/** A way to the cluster that can be cut, as by a pulled cable: what is under way ends, and nothing else gets through. */
export interface Link {
  exchangeWith(address: ClusterAddress): Exchange;
  cut(): void;
  mend(): void;
  isCut(): boolean;
}

export function createLink(): Link {
  let cable = new AbortController();

  return {
    exchangeWith(address) {
      const exchange = sharedExchange(address);
      return async (path, body, options) => {
        const { signal } = cable;
        const signals = options.signal ? AbortSignal.any([options.signal, signal]) : signal;
        try {
          return await exchange(path, body, { ...options, signal: signals });
        } catch (error) {
          throw signal.aborted ? new NoResponse("ENETUNREACH") : error;
        }
      };
    },
    cut: () => cable.abort(),
    mend() {
      if (cable.signal.aborted) cable = new AbortController();
    },
    isCut: () => cable.signal.aborted,
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
