import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { closed } from "./schema.ts";
import type { Server } from "./server.ts";

export interface ConsoleFiles {
  /** Adds the route of the console's hashed files. */
  register(app: Server): Promise<void>;
  /** Answers with the console's page when a browser opens an address that is not one of ours; else false. */
  answer(request: FastifyRequest, reply: FastifyReply): Promise<boolean>;
}

export interface ConsoleFilesOptions {
  /** Where the built console lies. */
  readonly directory: string;
  readonly randomBytes: (count: number) => Uint8Array;
}

/** Addresses of programs: there a mistake is answered as a problem, and never with a page. */
const forPrograms = /^\/(api|agent|oidc|assets|\.well-known|healthz|readyz|metrics)(\/|$)/;

/** What stands in the built page where each answer has a nonce of its own. */
const noncePlace = /__CSP_NONCE__/g;

const notBuilt = `<!doctype html><html lang="en"><title>Postern</title><h1>The console is not built</h1>
<p>Run <code>npm run build:console</code> in Postern's folder, and load this page again. Until then there are the API and the command line.</p>`;

/**
 * The web console, as it was built: its page at every address that no route has, its files below `/assets/`.
 *
 * The page runs scripts of its own origin only, and no script inside it; styles need the nonce of the answer.
 */
export function createConsoleFiles({ directory, randomBytes }: ConsoleFilesOptions): ConsoleFiles {
  return {
    async register(app) {
      await app.register(fastifyStatic, { serve: false, preCompressed: true });
      app.get(
        "/assets/:name",
        {
          config: { access: { permission: "console.read", scope: "public" } },
          schema: { hide: true, params: closed({ name: Type.String() }), response: { 200: Type.String() } },
        },
        async (request, reply) => {
          // Their names hold a hash of their content, so that a cache may keep them for good.
          const kept = { immutable: true, maxAge: "365d", cacheControl: true };
          reply.sendFile(`assets/${request.params.name}`, directory, kept);
          return reply as never;
        },
      );
    },

    async answer(request, reply) {
      const path = request.url.split("?", 1)[0] ?? "";
      const wantsPage = request.method === "GET" && (request.headers.accept ?? "").includes("text/html");
      if (!wantsPage || forPrograms.test(path)) return false;
      const page = await readFile(join(directory, "index.html"), "utf8").catch(() => undefined);
      const nonce = Buffer.from(randomBytes(16)).toString("base64");
      reply
        .code(page === undefined ? 503 : 200)
        .headers({
          "content-security-policy": pagePolicy(nonce),
          "cross-origin-opener-policy": "same-origin",
          "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        })
        .type("text/html; charset=utf-8")
        .send((page ?? notBuilt).replaceAll(noncePlace, nonce));
      return true;
    },
  };
}

function pagePolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}
