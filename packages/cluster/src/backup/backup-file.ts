import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import type { AppliedMigration } from "../db/migration.ts";
import { flushDirectory } from "../keys/durable-file.ts";
import type { CountedTable, Row } from "./read-tables.ts";

/** What a backup says of itself: its first line. */
export interface BackupManifest {
  readonly postern: "backup";
  readonly format: 1;
  readonly clusterId: string;
  /** The moment that it is of, RFC 3339. */
  readonly madeAt: string;
  /** The version of the program that made it. */
  readonly program: string;
  readonly engine: "sqlite" | "postgres";
  readonly migrations: readonly AppliedMigration[];
  readonly tables: readonly CountedTable[];
  /** Where the audit chains end in it. */
  readonly auditHeads: readonly { readonly chain: string; readonly seq: number; readonly hash: string }[];
  /** Files of the key store, each sealed; never what opens them. */
  readonly keyFiles: readonly { readonly name: string; readonly content: string }[];
}

/** A file that cannot be used as a backup. The message says why, and what to do. */
export class BackupUnusable extends Error {
  override readonly name = "BackupUnusable";

  constructor(path: string, why: string, options?: ErrorOptions) {
    super(`The backup ${path} ${why}`, options);
  }
}

/** A row of a table. */
export type TableLine = readonly [table: string, ...row: Row];

/** Longest line: a manifest with the heads of a hundred thousand tenants has some 20 MB. */
const maxLineBytes = 64 * 1024 * 1024;

/**
 * Writes a backup: lines of JSON, compressed by gzip. First the manifest, then the rows, then the SHA-256 of every line
 * before it. It gets its name only when all of it is on disk, and nobody but its owner can read it.
 *
 * @returns that SHA-256, in hex
 * @throws {BackupUnusable} when there is a file of that name
 */
export async function writeBackupFile(
  path: string,
  manifest: BackupManifest,
  rows: AsyncIterable<readonly TableLine[]>,
): Promise<string> {
  if (existsSync(path)) throw new BackupUnusable(path, "is there already. Give another name.");
  const temporary = `${path}.${process.pid}.part`;
  const hash = createHash("sha256");
  let digest = "";
  async function* lines(): AsyncGenerator<string> {
    yield hashed(`${JSON.stringify(manifest)}\n`);
    for await (const page of rows) yield hashed(page.map((row) => `${JSON.stringify(row)}\n`).join(""));
    digest = hash.digest("hex");
    yield `${JSON.stringify({ sha256: digest })}\n`;
  }
  function hashed(text: string): string {
    hash.update(text);
    return text;
  }
  try {
    await pipeline(
      Readable.from(lines()),
      createGzip({ level: 3 }), // beyond that it takes longer, and is hardly smaller
      createWriteStream(temporary, { flags: "wx", mode: 0o600, flush: true }),
    );
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  flushDirectory(dirname(path));
  return digest;
}

/** A backup that is being read. Nothing of it is vouched for until it was read to its end. */
export interface UnverifiedBackup {
  readonly unverifiedManifest: BackupManifest;
  /**
   * Its rows, in the order in which they were written.
   *
   * @throws {BackupUnusable} at the end: something was changed, or is missing
   */
  rows(): AsyncGenerator<TableLine>;
  /** Once all rows were read: the SHA-256 of all of it, in hex. */
  digest(): string;
  close(): Promise<void>;
}

/** @throws {BackupUnusable} it is no backup, or one of a later version */
export async function openBackupFile(path: string): Promise<UnverifiedBackup> {
  const hash = createHash("sha256");
  let digest = "";
  const lines = readLines(path);
  const first = await lines.next();
  const manifest = first.done ? undefined : parseLine(first.value);
  if (first.done || !isManifest(manifest)) {
    await lines.return(undefined);
    const later = typeof manifest === "object" && manifest !== null && "postern" in manifest && "format" in manifest;
    throw new BackupUnusable(
      path,
      later ? "is of a later version. Use a newer program." : "is none: postern backup makes them. Check the path.",
    );
  }
  hash.update(first.value).update("\n");

  return {
    unverifiedManifest: manifest,
    async *rows() {
      for await (const line of lines) {
        const value = parseLine(line);
        if (Array.isArray(value)) {
          hash.update(line).update("\n");
          yield value as unknown as TableLine;
          continue;
        }
        digest = hash.digest("hex");
        const isEnd = typeof value === "object" && value !== null && "sha256" in value && value.sha256 === digest;
        if (!isEnd) throw new BackupUnusable(path, "was changed or is damaged: its checksum differs. Use another one.");
        if (!(await lines.next()).done) throw new BackupUnusable(path, "goes on after its end. Use another one.");
        return;
      }
      throw new BackupUnusable(path, "is cut off. Use another one.");
    },
    digest: () => digest,
    async close() {
      await lines.return(undefined);
    },
  };
}

/** The lines of a compressed file, without their line feeds. */
async function* readLines(path: string): AsyncGenerator<Buffer, undefined> {
  const source = createReadStream(path);
  const unzipped = source.pipe(createGunzip());
  source.on("error", (error) => unzipped.destroy(error));
  let rest: Buffer[] = [];
  let restBytes = 0;
  try {
    for await (const chunk of unzipped as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        yield Buffer.concat([...rest, chunk.subarray(start, end)]);
        rest = [];
        restBytes = 0;
        start = end + 1;
      }
      rest.push(chunk.subarray(start));
      restBytes += chunk.length - start;
      if (restBytes > maxLineBytes) throw new BackupUnusable(path, "has a line without end. Use another one.");
    }
  } catch (error) {
    if (error instanceof BackupUnusable) throw error;
    throw new BackupUnusable(path, whyUnreadable(error), { cause: error });
  } finally {
    source.destroy();
    unzipped.destroy();
  }
  if (restBytes > 0) throw new BackupUnusable(path, "is cut off. Use another one.");
}

function whyUnreadable(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  if (code === "ENOENT") return "is not there. Check the path.";
  if (code === "Z_BUF_ERROR") return "is cut off. Use another one.";
  if (code.startsWith("Z_")) return "is damaged, or none: postern backup makes them. Use another one.";
  return `cannot be read (${code || String(error)}). Check the path and who may read it.`;
}

function parseLine(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** The shape is checked as far as the checksum could not: whoever made the file with this program wrote all of it. */
function isManifest(value: unknown): value is BackupManifest {
  if (typeof value !== "object" || value === null) return false;
  const { postern, format, clusterId, madeAt, tables, migrations, auditHeads, keyFiles } =
    value as Partial<BackupManifest>;
  return (
    postern === "backup" &&
    format === 1 &&
    typeof clusterId === "string" &&
    typeof madeAt === "string" &&
    [tables, migrations, auditHeads, keyFiles].every((list) => Array.isArray(list))
  );
}
