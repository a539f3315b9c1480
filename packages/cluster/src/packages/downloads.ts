import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Problem } from "../http/problems.ts";
import type { AgentPackageTable } from "./agent-packages.ts";
import { packageLimits } from "./limits.ts";

/** The packages that this node is sending: never more at once than it has room for. */
export interface Downloads {
  /**
   * Answers with a package's file, or with the range of it that the request asks for (RFC 9110 §14).
   *
   * @throws {Problem} too_many_downloads
   */
  send(request: FastifyRequest, reply: FastifyReply, row: AgentPackageTable): FastifyReply;
}

/** From `first` to `last`, both included. */
interface Range {
  readonly first: number;
  readonly last: number;
}

/** Gives one part of a package's file; undefined: it is gone. */
export type ReadPart = (packageId: string, n: number) => Promise<Buffer | undefined>;

export function createDownloads(readPart: ReadPart, limits: DownloadLimits = packageLimits): Downloads {
  const running = new Map<string, number>();
  let all = 0;

  function enter(address: string): () => void {
    const mine = running.get(address) ?? 0;
    if (all >= limits.maxDownloads || mine >= limits.maxDownloadsPerAddress) {
      throw new Problem("too_many_downloads", undefined, {
        headers: { "retry-after": String(limits.retryAfterSeconds) },
      });
    }
    all += 1;
    running.set(address, mine + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      all -= 1;
      const now = (running.get(address) ?? 1) - 1;
      if (now === 0) running.delete(address);
      else running.set(address, now);
    };
  }

  return {
    send(request, reply, row) {
      const etag = etagOf(row);
      reply
        .header("etag", etag)
        .header("accept-ranges", "bytes")
        .header("cache-control", "public, max-age=31536000, immutable");
      if (request.headers["if-none-match"]?.includes(etag)) return reply.code(304).send();
      const range = rangeOf(request, row);
      if (range === null) {
        throw new Problem("range_unsatisfiable", undefined, { headers: { "content-range": `bytes */${row.size}` } });
      }
      const leave = enter(request.ip);
      const { first, last } = range ?? { first: 0, last: row.size - 1 };
      if (range !== undefined) reply.code(206).header("content-range", `bytes ${first}-${last}/${row.size}`);
      const stream = Readable.from(pieces(readPart, row.id, { first, last }), {
        objectMode: false,
        highWaterMark: packageLimits.partBytes,
      });
      stream.once("close", leave);
      giveUpWhenStalled(reply, stream, limits.stalledDownloadMs);
      return reply
        .type("application/octet-stream")
        .header("content-length", String(last - first + 1))
        .send(stream);
    },
  };
}

export type DownloadLimits = {
  readonly [Name in "maxDownloads" | "maxDownloadsPerAddress" | "stalledDownloadMs" | "retryAfterSeconds"]: number;
};

async function* pieces(readPart: ReadPart, packageId: string, { first, last }: Range): AsyncGenerator<Buffer> {
  for (let at = first; at <= last; ) {
    const bytes = await readPart(packageId, Math.floor(at / packageLimits.partBytes));
    const inPart = at % packageLimits.partBytes;
    const piece = bytes?.subarray(inPart, inPart + last + 1 - at);
    // Removed meanwhile: the connection is cut, and whoever was told a length knows that this is not all.
    if (piece === undefined || piece.length === 0) throw new Error("A part of the package is gone.");
    yield piece;
    at += piece.length;
  }
}

/** Whoever opens connections and takes nothing would keep everybody else from a package. */
function giveUpWhenStalled(reply: FastifyReply, stream: Readable, stalledMs: number): void {
  const { socket } = reply.raw;
  if (socket === null) return;
  let sent = -1;
  const timer = setInterval(() => {
    const now = socket.bytesWritten - socket.writableLength;
    if (now === sent) socket.destroy();
    sent = now;
  }, stalledMs);
  timer.unref();
  stream.once("close", () => clearInterval(timer));
  reply.raw.once("close", () => {
    clearInterval(timer);
    stream.destroy();
  });
}

/** The digest as a config names it, so that an agent can say of what it has the beginning. */
function etagOf({ sha256 }: AgentPackageTable): string {
  return `"${Buffer.from(sha256, "hex").toString("base64url")}"`;
}

/** The one range that is asked for; undefined: all of it; null: there is none such. Of several, none is given. */
function rangeOf({ headers }: FastifyRequest, row: AgentPackageTable): Range | undefined | null {
  const { size } = row;
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range ?? "") ?? [];
  if (from === undefined || to === undefined || from + to === "") return undefined;
  const condition = headers["if-range"];
  if (condition !== undefined && condition !== etagOf(row)) return undefined;
  if (from === "") {
    const length = Math.min(Number(to), size);
    return length === 0 ? null : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  const last = to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== "" && Number(to) < first) return undefined;
  return first >= size ? null : { first, last };
}
