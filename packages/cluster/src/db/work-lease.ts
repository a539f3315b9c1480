import type { Kysely, KyselyPlugin } from "kysely";

/** Lets one work query its transaction until the work has ended. */
export interface WorkLease {
  readonly plugin: KyselyPlugin;
  end(): void;
}

const ended = new WeakMap<KyselyPlugin, boolean>();

/** A query that nobody awaited must not land in the next work's savepoint. */
export function createLease(): WorkLease {
  const plugin: KyselyPlugin = {
    transformQuery({ node }) {
      requireOpen(plugin);
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  ended.set(plugin, false);
  return { plugin, end: () => void ended.set(plugin, true) };
}

/** The same for a statement that is compiled already, which plugins do not see. */
export function requireOpenWork<DB>(db: Kysely<DB>): void {
  for (const plugin of db.getExecutor().plugins) requireOpen(plugin);
}

function requireOpen(plugin: KyselyPlugin): void {
  if (ended.get(plugin)) throw new Error("a query came after its work had ended; await every query");
}
