import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { agentVersionPattern, maxPackageBytes } from "@postern/protocol";
import type { Audit } from "../audit/record.ts";
import type { Clock } from "../clock.ts";
import type { NewId } from "../db/ids.ts";
import type { Origin } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import type { Store } from "../schema.ts";
import { type AgentPackageTable, addPackage, type PackageUse } from "./agent-packages.ts";
import { NoCompoundFile } from "./compound-file.ts";
import { packageLimits } from "./limits.ts";
import { readMsi } from "./msi.ts";
import { deleteGivenUp, deleteParts, partReader, storePart } from "./parts.ts";

export interface PackageServices {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly use: PackageUse;
}

/** The product's, for ever: a package with another one would not replace the agent, but come beside it. */
export const agentUpgradeCode = "{6C2F8E0A-4A0B-4B52-9C0E-3B7D51C4E9A7}";

/**
 * Takes a package's file, part by part, and enters it once all of it is stored and has said which version it is. Whatever
 * fails on the way leaves nothing.
 *
 * @param version that the sender takes it for; undefined: whichever it is
 * @returns the package, and whether it is new: the same file may be sent again
 * @throws {Problem} package_unusable, package_exists, body_too_large, malformed_request: it broke off
 */
export async function receivePackage(
  services: PackageServices,
  body: Readable,
  version: string | undefined,
  origin: Origin,
): Promise<{ readonly row: AgentPackageTable; readonly isNew: boolean }> {
  const { store, audit, clock, newId, use } = services;
  const id = newId();
  await deleteGivenUp(store, clock.now());
  try {
    const { sha256, size } = await storeParts(services, id, body);
    const said = await readVersion(services, id);
    if (version !== undefined && version !== said) {
      throw new Problem("package_unusable", `The package is of version ${said}, not ${version}.`);
    }
    const row = await store.durable(async (tx) => {
      const wanted: AgentPackageTable = {
        id,
        platform: "windows",
        arch: "x64",
        version: said,
        version_order: orderOf(said),
        sha256,
        size,
        added_at: clock.now(),
        added_by_id: origin.who.id,
        added_by_name: origin.who.name,
      };
      const entered = await addPackage(tx, wanted);
      if (entered !== wanted) return entered;
      const target = { kind: "agent-package", id, name: said };
      const details = { sha256, size };
      audit.record(tx, { tenantId: null, action: "agent-package.add", outcome: "done", origin, target, details });
      await use.changed(tx);
      return entered;
    });
    if (row.id !== id) await store.durable((tx) => deleteParts(tx, id));
    return { row, isNew: row.id === id };
  } catch (error) {
    await store.durable((tx) => deleteParts(tx, id)).catch(() => {}); // the next upload finds what is left
    throw error;
  }
}

async function storeParts({ store }: PackageServices, id: string, body: Readable) {
  const hash = createHash("sha256");
  let size = 0;
  let parts = 0;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  const cutPart = async (): Promise<void> => {
    const all = Buffer.concat(waiting);
    const part = all.subarray(0, packageLimits.partBytes);
    waiting = [all.subarray(part.length)];
    waitingBytes = all.length - part.length;
    await storePart(store.durable, id, parts, part);
    parts += 1;
  };
  try {
    for await (const piece of unlessSilent(body)) {
      size += piece.length;
      if (size > maxPackageBytes) {
        throw new Problem("body_too_large", `A package has at most ${maxPackageBytes / 1024 / 1024} MiB.`);
      }
      hash.update(piece);
      waiting.push(piece);
      waitingBytes += piece.length;
      while (waitingBytes >= packageLimits.partBytes) await cutPart();
    }
  } catch (error) {
    if (body.errored !== error || error instanceof Problem) throw error;
    throw new Problem("malformed_request", "The package broke off on its way.", { cause: error });
  }
  if (waitingBytes > 0) await cutPart();
  return { sha256: hash.digest("hex"), size };
}

async function* unlessSilent(body: Readable): AsyncGenerator<Buffer> {
  const giveUp = () => body.destroy(new Problem("malformed_request", "Nothing more of the package came."));
  let timer = setTimeout(giveUp, packageLimits.silentUploadMs);
  try {
    // Who is refused in the middle is to read why: that needs the connection.
    for await (const piece of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      clearTimeout(timer);
      yield piece;
      timer = setTimeout(giveUp, packageLimits.silentUploadMs);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** The version of a package that agents can be replaced with. @throws {Problem} package_unusable */
async function readVersion({ store }: PackageServices, id: string): Promise<string> {
  const { properties, arch } = await readMsi(partReader(store.reads, id)).catch((error: unknown) => {
    if (!(error instanceof NoCompoundFile)) throw error;
    throw new Problem("package_unusable", "The file is no Windows Installer package, or not a whole one.", {
      cause: error,
    });
  });
  const name = properties.get("ProductName") ?? "something else";
  if (properties.get("UpgradeCode")?.toUpperCase() !== agentUpgradeCode) {
    throw new Problem(
      "package_unusable",
      `The package is that of another product (${shown(name)}), by its upgrade code.`,
    );
  }
  if (arch !== "x64") {
    throw new Problem("package_unusable", `The package is for machines of the kind ${shown(arch)}; agents run on x64.`);
  }
  const version = properties.get("ProductVersion") ?? "";
  if (!new RegExp(agentVersionPattern).test(version)) {
    throw new Problem("package_unusable", `The package's version ${shown(version)} is not three numbers like 1.4.2.`);
  }
  return version;
}

/** What a foreign file says, fit for a sentence. */
function shown(text: string): string {
  return JSON.stringify(text.slice(0, 60).replaceAll(/[^\x20-\x7e]/g, "?"));
}

/** A version as a text that sorts as versions do. */
function orderOf(version: string): string {
  return version
    .split(".")
    .map((number) => number.padStart(5, "0"))
    .join(".");
}
