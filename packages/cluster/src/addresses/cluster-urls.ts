import type { Db, Tx } from "../schema.ts";

/** The addresses that agents are told, and those before them. */
export interface ClusterUrls {
  /** The first one first; none: agents stay with those that they have. */
  readonly urls: readonly string[];
  readonly before: readonly string[];
  /** Null: nobody has ever changed them. */
  readonly changed: { readonly at: number; readonly by: string } | null;
  readonly revision: number;
}

const none: ClusterUrls = { urls: [], before: [], changed: null, revision: 0 };

export async function readClusterUrls(db: Db): Promise<ClusterUrls> {
  const row = await db.selectFrom("cluster_urls").selectAll().where("id", "=", 1).executeTakeFirst();
  if (row === undefined) return none;
  return {
    urls: JSON.parse(row.urls) as string[],
    before: JSON.parse(row.urls_before) as string[],
    changed: row.changed_by === null ? null : { at: row.changed_at, by: row.changed_by },
    revision: row.revision,
  };
}

/** Tells agents other addresses. @returns how it is now */
export async function changeClusterUrls(
  tx: Tx,
  before: ClusterUrls,
  urls: readonly string[],
  by: string,
  now: number,
): Promise<ClusterUrls> {
  const revision = before.revision + 1;
  const row = {
    urls: JSON.stringify(urls),
    urls_before: JSON.stringify(before.urls),
    changed_at: now,
    changed_by: by,
    revision,
  };
  await tx
    .insertInto("cluster_urls")
    .values({ id: 1, ...row })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
    .execute();
  return { urls, before: before.urls, changed: { at: now, by }, revision };
}
