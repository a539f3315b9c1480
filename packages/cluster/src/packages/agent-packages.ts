import type { AgentPackage } from "@postern/protocol";
import { maxPackages } from "@postern/protocol";
import { onPage } from "../db/keyset.ts";
import type { PageRequest } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import type { Db, Tx } from "../schema.ts";
import type { AgentPackageTable } from "./tables.ts";

export type { AgentPackageTable } from "./tables.ts";

/** What stands after packages and names them, as far as they have to know. */
export interface PackageUse {
  /** Names of the profiles, of any tenant, that want this version of their agents. */
  profilesWanting(db: Db, version: string): Promise<readonly string[]>;
  /** Called in the transaction of every change: agents are told of packages in their configs. */
  changed(tx: Tx): Promise<void>;
}

/** Where agents find a package below the cluster's address: by what it is, so that an address never means another file. */
export function packagePath({ sha256 }: Pick<AgentPackageTable, "sha256">): string {
  return `/agent/v1/packages/${Buffer.from(sha256, "hex").toString("base64url")}`;
}

/**
 * The packages that agents are told of: that of the version wanted of them, and the newest of the others, as many as a
 * config can name.
 */
export async function packagesToTell(db: Db, platform: string, wanted: string): Promise<AgentPackage[]> {
  const rows = await db
    .selectFrom("agent_package")
    .select(["version", "sha256", "size"])
    .where("platform", "=", platform as "windows")
    .orderBy((row) => row.case().when("version", "=", wanted).then(0).else(1).end())
    .orderBy("version_order", "desc")
    .orderBy("id")
    .limit(maxPackages)
    .execute();
  return rows.map((row) => ({
    version: row.version,
    sha256: Buffer.from(row.sha256, "hex").toString("base64url"),
    size: row.size,
    path: packagePath(row),
  }));
}

/** The versions of which there is a package for a platform. */
export async function versionsHere(db: Db): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom("agent_package").select("version").where("platform", "=", "windows").execute();
  return new Set(rows.map(({ version }) => version));
}

/** At most `limit + 1` packages. */
export function listPackages(
  db: Db,
  { field, direction, after, limit }: PageRequest<"version" | "addedAt">,
): Promise<AgentPackageTable[]> {
  const key = field === "version" ? "version_order" : "added_at";
  return onPage(db.selectFrom("agent_package").selectAll(), { key, id: "id" }, { direction, after, limit }).execute();
}

export function findPackage(db: Db, id: string): Promise<AgentPackageTable | undefined> {
  return db.selectFrom("agent_package").selectAll().where("id", "=", id).executeTakeFirst();
}

/** @param sha256 in base64url, as it stands in a path */
export function findPackageByDigest(db: Db, sha256: string): Promise<AgentPackageTable | undefined> {
  const hex = Buffer.from(sha256, "base64url").toString("hex");
  return db.selectFrom("agent_package").selectAll().where("sha256", "=", hex).executeTakeFirst();
}

/**
 * Enters a package whose parts are stored under its id.
 *
 * @returns the one that is there already, when it is the very same file
 * @throws {Problem} package_exists: another file of that version is there
 */
export async function addPackage(tx: Tx, row: AgentPackageTable): Promise<AgentPackageTable> {
  const there = await tx
    .selectFrom("agent_package")
    .selectAll()
    .where((one) =>
      one.or([
        one("sha256", "=", row.sha256),
        one.and([one("platform", "=", row.platform), one("arch", "=", row.arch), one("version", "=", row.version)]),
      ]),
    )
    .executeTakeFirst();
  if (there?.sha256 === row.sha256) return there;
  if (there !== undefined) {
    throw new Problem(
      "package_exists",
      `Another file is the package of ${there.version} (SHA-256 ${there.sha256}). Remove that one first, or give this one a version of its own.`,
    );
  }
  await tx.insertInto("agent_package").values(row).execute();
  return row;
}

/** @throws {Problem} not_found */
export async function removePackage(tx: Tx, id: string): Promise<void> {
  const { numDeletedRows } = await tx.deleteFrom("agent_package").where("id", "=", id).executeTakeFirst();
  if (numDeletedRows === 0n) throw new Problem("not_found");
}
