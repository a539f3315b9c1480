import type { Kysely } from "kysely";
import pg from "pg";
import { DatabaseUnusable } from "../database-error.ts";
import { keepQuery } from "../kept-query.ts";
import { postgresLimits } from "../limits.ts";
import type { Signals } from "../store.ts";
import { describeAddress, type PostgresAddress } from "./address.ts";
import { clientConfig } from "./connections.ts";

const channel = "postern";

/**
 * Signals by LISTEN and NOTIFY. One that was missed is made up for: whoever listens is woken after each new
 * connection, and every half minute, which also shows whether the connection is still one.
 */
export function openSignals<DB>(address: PostgresAddress): Signals<DB> {
  const notify = keepQuery((db: Kysely<DB>) =>
    db.selectNoFrom(({ fn, val }) => fn("pg_notify", [val(channel), val("")]).as("sent")),
  );
  return {
    async send(tx) {
      await notify(tx, {});
    },
    async listen(heard, failed) {
      const listener = new Listener(address, heard, failed);
      try {
        await listener.connect();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new DatabaseUnusable(
          `Listening on the ${describeAddress(address)} is not possible (${reason}). ` +
            "Check DATABASE_LISTEN_URL: it must lead to the server itself, not to a pooler.",
          { cause: error },
        );
      }
      return () => listener.close();
    },
  };
}

class Listener {
  readonly #address: PostgresAddress;
  readonly #heard: () => void;
  readonly #failed: (error: unknown) => void;
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs: number = postgresLimits.reconnectMs.first;
  #closed = false;

  constructor(address: PostgresAddress, heard: () => void, failed: (error: unknown) => void) {
    this.#address = address;
    this.#heard = heard;
    this.#failed = failed;
  }

  async connect(): Promise<void> {
    const client = new pg.Client(clientConfig(this.#address, postgresLimits.connectWithinMs));
    client.on("error", () => this.#lost(client));
    client.on("end", () => this.#lost(client));
    client.on("notification", () => this.#heard());
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
    } catch (error) {
      void client.end().catch(() => {});
      throw error;
    }
    if (this.#closed) return client.end();
    this.#client = client;
    this.#pauseMs = postgresLimits.reconnectMs.first;
    this.#compareLater(client);
    this.#heard();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => {});
  }

  #compareLater(client: pg.Client): void {
    this.#timer = setTimeout(async () => {
      try {
        await client.query("select 1");
      } catch {
        this.#lost(client);
        return;
      }
      if (this.#client !== client) return;
      this.#heard();
      this.#compareLater(client);
    }, postgresLimits.compareEveryMs);
  }

  #lost(client: pg.Client): void {
    if (this.#client !== client || this.#closed) return;
    this.#client = undefined;
    void client.end().catch(() => {});
    this.#reconnectLater(true);
  }

  #reconnectLater(isFirst: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      try {
        await this.connect();
      } catch (error) {
        if (this.#closed) return;
        if (isFirst) this.#failed(error);
        this.#reconnectLater(false);
      }
    }, this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, postgresLimits.reconnectMs.longest);
  }
}
