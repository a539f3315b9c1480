import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { toRfc3339 } from "../clock.ts";
import { accessOf } from "../http/access.ts";
import { originOf } from "../http/origin.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { closed, IdParams, NoContent, nullable, oneOf, type Static, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import { allowSlowBody } from "../http/slow-bodies.ts";
import {
  type AgentPackageTable,
  findPackage,
  findPackageByDigest,
  listPackages,
  packagePath,
  removePackage,
} from "./agent-packages.ts";
import { createDownloads } from "./downloads.ts";
import { packageLimits } from "./limits.ts";
import { deleteParts, readPart } from "./parts.ts";
import { packageArchs, packagePlatforms } from "./tables.ts";
import { type PackageServices, receivePackage } from "./upload.ts";
import { Version } from "./version.ts";

const PackageView = Type.Object({
  id: Uuid,
  version: Version,
  platform: oneOf(packagePlatforms),
  arch: oneOf(packageArchs),
  sha256: Type.String({ description: "Of the file, in hex, as sha256sum and certutil print it." }),
  size: Type.Integer({ description: "Bytes." }),
  path: Type.String({
    description: "Where agents fetch it, below the cluster's address.",
    examples: ["/agent/v1/packages/X3C_GKCGAHAW6Uiwes1LghA6Nr6kF1W2zd-vEKzjxu8"],
  }),
  addedAt: Time,
  addedBy: Type.Object({ id: nullable(Type.String()), name: Type.String() }),
});

const Bytes = Type.Unsafe<Readable>({ format: "binary", description: "The file: PosternAgent.msi." });
const File = { content: { "application/octet-stream": { schema: Type.String({ format: "binary" }) } } };

const tags = ["agent packages"];
// Packages belong to the cluster. Whoever may read them in any tenant sees them all: they are the same everywhere.
const reading = { access: { permission: "package.read", scope: "tenant" } } as const;
const managing = { access: { permission: "package.manage", scope: "cluster" } } as const;

/** `/agent-packages`: the files with which agents are installed and updated; and the address at which agents fetch them. */
export function packageRoutes(app: Server, api: Server, services: PackageServices): void {
  const { store, audit, use } = services;
  const downloads = createDownloads((id, n) => readPart(store.reads, id, n));

  api.get(
    "/agent-packages",
    {
      config: reading,
      schema: {
        tags,
        summary: "Agent packages, the newest version first",
        querystring: listQuery({}, ["version", "addedAt"]),
        response: { 200: listOf(PackageView) },
      },
    },
    async (request) => {
      accessOf(request).reach();
      const page = pageRequest("agent-packages", request.query, "-version");
      const rows = await listPackages(store.reads, page);
      const key = page.field === "version" ? "version_order" : "added_at";
      return toPage(page, rows, (row) => ({ key: row[key], id: row.id }), toView);
    },
  );

  api.get(
    "/agent-packages/:id/download",
    {
      config: reading,
      schema: {
        tags,
        summary: "The file of a package, for people who install agents",
        params: IdParams,
        response: { 200: File },
      },
    },
    async (request, reply) => {
      accessOf(request).reach();
      const row = await requirePackage(request);
      reply.header("content-disposition", `attachment; filename="PosternAgent-${row.version}.msi"`);
      return downloads.send(request, reply, row) as never;
    },
  );

  api.delete(
    "/agent-packages/:id",
    {
      config: managing,
      schema: {
        tags,
        summary: "Removes a package; agents that have not fetched it yet stay as they are",
        params: IdParams,
        querystring: closed({
          force: Type.Optional(Type.Boolean({ description: "Also while a profile wants its version." })),
        }),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      const { id, version } = await requirePackage(request);
      await store.durable(async (tx) => {
        const wanting = await use.profilesWanting(tx, version);
        if (wanting.length > 0 && request.query.force !== true) throw wantedBy(version, wanting);
        await removePackage(tx, id);
        await deleteParts(tx, id);
        audit.record(tx, {
          tenantId: null,
          action: "agent-package.remove",
          outcome: "done",
          origin: originOf(request),
          target: { kind: "agent-package", id, name: version },
          ...(wanting.length > 0 && { details: { wantedBy: wanting.slice(0, packageLimits.maxNamedProfiles) } }),
        });
        await use.changed(tx);
      });
      return reply.code(204).send(null);
    },
  );

  void api.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("application/octet-stream", (_request, body, taken) => taken(null, body));
    scope.post(
      "/agent-packages",
      {
        config: managing,
        onRequest: async ({ raw }) => allowSlowBody(raw.socket),
        schema: {
          tags,
          summary: "Adds a package: the file itself, up to 512 MiB",
          description:
            "The version is read from the package. The same file may be sent again. Agents whose profile wants a version are told of it at once.",
          querystring: closed({
            version: Type.Optional({ ...Version, description: "Refuse the package if it is of another version." }),
          }),
          body: { content: { "application/octet-stream": { schema: Bytes } } },
          response: { 200: PackageView, 201: PackageView },
        },
      },
      async (request, reply) => {
        const { version } = request.query as { version?: string };
        const body = request.body as Readable | undefined;
        if (body === undefined) throw new Problem("media_type_unsupported"); // there is none, and no word of its kind
        const origin = originOf(request);
        const { row, isNew } = await receivePackage(services, body, version, origin).catch((error: unknown) => {
          // What is still on its way is no other request.
          reply.header("connection", "close");
          throw error;
        });
        return reply.code(isNew ? 201 : 200).send(toView(row));
      },
    );
    done();
  });

  app.get(
    "/agent/v1/packages/:sha256",
    {
      // Not secret: the agent's own program. Which file it takes says its config, which is signed.
      config: { access: { permission: "agent.package", scope: "public" } },
      schema: {
        tags: ["agent protocol"],
        summary: "The file of a package, for agents; also a range of it",
        params: closed({
          sha256: Type.String({
            pattern: "^[A-Za-z0-9_-]{43}$",
            maxLength: 43,
            mustBe: "a SHA-256 in base64url, as a config names it",
          }),
        }),
        response: { 200: File, 206: File, 304: Type.Null({ description: "It has not changed; it never does." }) },
      },
    },
    async (request, reply) => {
      const row = await findPackageByDigest(store.reads, request.params.sha256);
      if (row === undefined) throw new Problem("not_found", "The cluster has no such package any more.");
      return downloads.send(request, reply, row) as never;
    },
  );

  async function requirePackage(request: FastifyRequest<{ Params: Static<typeof IdParams> }>) {
    const row = await findPackage(store.reads, request.params.id);
    if (row === undefined) throw new Problem("not_found");
    return row;
  }
}

function wantedBy(version: string, names: readonly string[]): Problem {
  const { maxNamedProfiles } = packageLimits;
  const more = names.length > maxNamedProfiles ? ` and ${names.length - maxNamedProfiles} more` : "";
  const which = names.slice(0, maxNamedProfiles).join(", ");
  const them = names.length === 1 ? "The profile" : "The profiles";
  const want = names.length === 1 ? "wants" : "want";
  return new Problem("package_wanted", `${them} ${which}${more} ${want} version ${version} of the agents.`);
}

function toView(row: AgentPackageTable): Static<typeof PackageView> {
  return {
    id: row.id,
    version: row.version,
    platform: row.platform,
    arch: row.arch,
    sha256: row.sha256,
    size: row.size,
    path: packagePath(row),
    addedAt: toRfc3339(row.added_at),
    addedBy: { id: row.added_by_id, name: row.added_by_name },
  };
}
