import type { Migration } from "../db/migration.ts";

export interface PackageTables {
  agent_package: AgentPackageTable;
  agent_package_part: AgentPackagePartTable;
}

/** A file with which agents are installed and updated. */
export interface AgentPackageTable {
  id: string;
  platform: PackagePlatform;
  arch: PackageArch;
  version: string;
  /** The version in the form for sorting. */
  version_order: string;
  /** Of the whole file, in hex. */
  sha256: string;
  /** Bytes. */
  size: number;
  added_at: number;
  /** Null: a program of the cluster itself. */
  added_by_id: string | null;
  added_by_name: string;
}

export const packagePlatforms = ["windows"] as const;
export type PackagePlatform = (typeof packagePlatforms)[number];

export const packageArchs = ["x64"] as const;
export type PackageArch = (typeof packageArchs)[number];

/** A piece of a package's file. Pieces without a package are of an upload that is under way, or was given up. */
export interface AgentPackagePartTable {
  package_id: string;
  /** 0, 1, 2 … */
  n: number;
  content: Uint8Array;
}

export const packageMigration: Migration = {
  name: "packages-1",
  statements: [
    `create table agent_package (
      id text primary key, platform text not null check (platform in ('windows')),
      arch text not null check (arch in ('x64')), version text not null, version_order text not null,
      sha256 text not null unique, size int8 not null, added_at int8 not null, added_by_id text,
      added_by_name text not null, unique (platform, arch, version)
    )`,
    "create index agent_package_version on agent_package (version_order, id)",
    `create table agent_package_part (
      package_id text not null, n int8 not null, content bytes not null, primary key (package_id, n)
    )`,
  ],
};
