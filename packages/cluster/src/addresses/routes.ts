import { maxClusterUrlChars, maxClusterUrls } from "@postern/protocol";
import { Type } from "typebox";
import type { Audit } from "../audit/record.ts";
import { type Clock, toRfc3339 } from "../clock.ts";
import { etagOf, requireMatch } from "../http/etag.ts";
import { originOf } from "../http/origin.ts";
import { isLoopback } from "../http/plain-http.ts";
import { Problem } from "../http/problems.ts";
import { closed, nullable, type Static, Time } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import { principalOf } from "../identity/principal.ts";
import { requireRecentPassword } from "../identity/reauthentication.ts";
import type { Store, Tx } from "../schema.ts";
import { type ClusterUrls, changeClusterUrls, readClusterUrls } from "./cluster-urls.ts";

export interface AddressServices {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  /** Called in the transaction of every change: all agents are told of it. */
  readonly changed: (tx: Tx) => Promise<void>;
}

const Url = Type.String({
  maxLength: maxClusterUrlChars,
  pattern: `^https?://[!-~]{1,${maxClusterUrlChars - 8}}$`,
  mustBe: "an address like https://postern.example.com",
});
const Urls = Type.Array(Url, {
  maxItems: maxClusterUrls,
  uniqueItems: true,
  description: "The first one first; none: agents stay with the addresses that they have.",
});

const UrlsView = Type.Object({
  urls: Urls,
  urlsBefore: Type.Array(Type.String(), { description: "Those before the last change: the way back." }),
  changedAt: nullable(Time),
  changedBy: nullable(Type.String()),
});

const tags = ["cluster"];
const reading = { access: { permission: "cluster.read", scope: "cluster" } } as const;
const managing = { access: { permission: "cluster.manage", scope: "cluster" } } as const;

/** `/cluster/urls`: the addresses at which agents are told to find the cluster. */
export function addressRoutes(api: Server, { store, audit, clock, changed }: AddressServices): void {
  api.get(
    "/cluster/urls",
    {
      config: reading,
      schema: { tags, summary: "The addresses that agents are told", response: { 200: UrlsView } },
    },
    async (_request, reply) => {
      const now = await readClusterUrls(store.reads);
      return reply.header("etag", etagOf(now.revision)).send(toView(now));
    },
  );

  api.put(
    "/cluster/urls",
    {
      config: managing,
      schema: {
        tags,
        summary: "Tells every agent other addresses of the cluster",
        description:
          "Agents try the new ones first, and come back to those that they had until the cluster has answered at a new one. Asks for the password again: it moves the whole fleet.",
        body: closed({ urls: Urls }),
        response: { 200: UrlsView },
      },
    },
    async (request, reply) => {
      const urls = request.body.urls.map(requireUsable);
      requireRecentPassword(principalOf(request), clock.now());
      const after = await store.durable(async (tx) => {
        const before = await readClusterUrls(tx);
        requireMatch(request, before.revision);
        if (JSON.stringify(before.urls) === JSON.stringify(urls)) return before;
        const { who } = originOf(request);
        const now = await changeClusterUrls(tx, before, urls, who.name, clock.now());
        audit.record(tx, {
          tenantId: null,
          action: "cluster.urls",
          outcome: "done",
          origin: originOf(request),
          target: { kind: "cluster", id: null },
          details: { from: before.urls, to: urls },
        });
        await changed(tx);
        return now;
      });
      return reply.header("etag", etagOf(after.revision)).send(toView(after));
    },
  );
}

/**
 * As an agent takes it: HTTPS anywhere, HTTP on its own machine only, nothing behind the path.
 *
 * @throws {Problem} validation_failed
 */
function requireUsable(text: string, index: number): string {
  const refuse = (detail: string) => {
    const errors = [{ pointer: `/urls/${index}`, code: "unusable", detail }];
    return new Problem("validation_failed", undefined, { errors });
  };
  if (!URL.canParse(text)) throw refuse("It is no address.");
  const url = new URL(text);
  if (url.username + url.password + url.search + url.hash !== "") {
    throw refuse("It has a user, a query or a fragment; an address has none of these.");
  }
  const isOwnMachine = isLoopback(url.hostname.replaceAll(/[[\]]/g, ""));
  if (url.protocol !== "https:" && !isOwnMachine) throw refuse("Agents take HTTPS only, but for their own machine.");
  return text;
}

function toView({ urls, before, changed }: ClusterUrls): Static<typeof UrlsView> {
  return {
    urls: [...urls],
    urlsBefore: [...before],
    changedAt: changed === null ? null : toRfc3339(changed.at),
    changedBy: changed === null ? null : changed.by,
  };
}
