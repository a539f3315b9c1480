import { get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import fastify, { type FastifyInstance } from "fastify";
import { afterEach, expect, test } from "vitest";
import { Problem } from "../http/problems.ts";
import type { AgentPackageTable } from "./agent-packages.ts";
import { createDownloads, type DownloadLimits } from "./downloads.ts";
import { packageLimits } from "./limits.ts";

const parts = 64;
const part = Buffer.alloc(packageLimits.partBytes, 7);
/** Larger than what lies between the two ends of a connection. */
const size = parts * part.length;
const row = { id: "p", sha256: "00".repeat(32), size, version: "1.4.0" } as AgentPackageTable;

let app: FastifyInstance;
const open: IncomingMessage[] = [];

afterEach(async () => {
  for (const response of open.splice(0)) response.destroy();
  await app.close();
});

async function serve(limits: Partial<DownloadLimits>, hasPart: (n: number) => boolean = () => true): Promise<string> {
  const downloads = createDownloads(async (_, n) => (hasPart(n) ? part : undefined), { ...packageLimits, ...limits });
  app = fastify();
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof Problem)) throw error;
    return reply.code(error.status).headers(error.headers).send({ code: error.code });
  });
  app.get("/", (request, reply) => downloads.send(request, reply, row));
  await app.listen({ host: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/`;
}

/** Begins a download and takes nothing of it. */
function begin(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      response.pause();
      response.on("error", () => {});
      open.push(response);
      resolve(response);
    }).on("error", reject);
  });
}

test.each([
  { what: "to one address", limits: { maxDownloadsPerAddress: 2 } },
  { what: "in all", limits: { maxDownloads: 2 } },
])("a node sends so many at a time $what, and says to the others when to come again", async ({ limits }) => {
  const url = await serve(limits);
  const [first] = await Promise.all([begin(url), begin(url)]);
  const refused = await fetch(url);
  expect(refused.status).toBe(429);
  expect(refused.headers.get("retry-after")).toBe("30");
  expect(await refused.json()).toEqual({ code: "too_many_downloads" });
  first?.destroy();
  await expect.poll(async () => (await fetch(url, { headers: { range: "bytes=0-9" } })).status).toBe(206);
});

test("whoever takes nothing gives the place up", async () => {
  const url = await serve({ maxDownloads: 1, stalledDownloadMs: 100 });
  await begin(url);
  expect((await fetch(url)).status).toBe(429);
  await expect.poll(async () => (await fetch(url, { headers: { range: "bytes=0-9" } })).status).toBe(206);
});

test("a package that is removed meanwhile is cut off, and not taken for whole", async () => {
  const url = await serve({}, (n) => n < 3);
  const response = await fetch(url);
  expect(response.headers.get("content-length")).toBe(String(size));
  await expect(response.arrayBuffer()).rejects.toThrow();
  expect((await fetch(url, { headers: { range: "bytes=0-9" } })).status).toBe(206);
});
