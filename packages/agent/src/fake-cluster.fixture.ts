import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import {
  type CheckIn,
  defaultServiceProtection,
  type JournalEntry,
  openEnrolRequest,
  readCheckIn,
  type ServiceProtection,
  verifyKeyOf,
} from "@postern/protocol";
import type { Authority } from "./authority.fixture.ts";
import type { Upkeep } from "./core/state.ts";

/** A response in place of the cluster's own. */
export interface Instead {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

/** A small cluster on loopback: one agent, real messages over real HTTP. */
export interface FakeCluster {
  readonly url: string;
  readonly checkIns: CheckIn[];
  readonly enrolments: {
    requestId: string;
    nonce: string;
    identityThumbprint: string;
    previous: string | undefined;
  }[];
  /** Stored once each, by `seq`. */
  readonly journal: Map<number, JournalEntry>;
  readonly headers: NodeJS.Dict<string | string[]>[];
  /** Requests whose client went away before the answer. */
  abandoned: number;
  /** Answers the next requests with something else, one after another. */
  readonly instead: (Instead | ((nonce: string) => Promise<Instead>))[];
  /** Gives the agent a new revision; held requests are answered. */
  setProfile(profile: Partial<ServiceProtection>): void;
  /** The same, for what a config says beside protection. */
  setUpkeep(upkeep: Upkeep): void;
  /** What it has at a path, for agents that fetch it. */
  readonly files: Map<string, (request: IncomingMessage, response: ServerResponse) => void>;
  revoke(jti: string): void;
  /** Resolves once `condition` holds; looks whenever a request came. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export async function fakeCluster(
  authority: Authority,
  given: {
    nowSeconds?: () => number;
    port?: number;
    /** PEM; without it the cluster speaks plain HTTP. */
    tls?: { readonly key: string; readonly cert: string };
    profile?: Partial<ServiceProtection>;
    /** Happens while an enrolment waits for its answer. */
    whileEnrolling?: () => Promise<void>;
  } = {},
): Promise<FakeCluster> {
  const nowSeconds = given.nowSeconds ?? (() => Math.floor(Date.now() / 1000));
  let rev = 1;
  let profile: ServiceProtection = { ...defaultServiceProtection, ...given.profile };
  let upkeep: Upkeep = {};
  let identityKey: ReturnType<typeof verifyKeyOf> | undefined;
  const revoked: string[] = [];
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of [...listeners]) listener();
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  };
  const server = given.tls ? createSecureServer(given.tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(given.port ?? 0, "127.0.0.1", resolve));
  const cluster: FakeCluster = {
    url: `${given.tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    checkIns: [],
    enrolments: [],
    journal: new Map(),
    headers: [],
    abandoned: 0,
    instead: [],
    setProfile(change) {
      profile = { ...profile, ...change };
      rev += 1;
      changed();
    },
    setUpkeep(change) {
      upkeep = change;
      rev += 1;
      changed();
    },
    files: new Map(),
    revoke(jti) {
      revoked.push(jti);
      changed();
    },
    async until(condition) {
      while (!condition()) await nextChange();
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return cluster;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    cluster.headers.push(request.headers);
    const file = cluster.files.get(request.url ?? "");
    if (file) return file(request, response);
    let text = "";
    for await (const piece of request) text += String(piece);
    const { request: message } = JSON.parse(text) as { request: string };
    const { status, body, headers } = request.url?.endsWith("/enroll")
      ? await enroll(message)
      : await checkIn(message, response);
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body ?? "");
    changed();
  }

  async function enroll(message: string): Promise<Instead> {
    const { claims, identityKey: key } = openEnrolRequest(message);
    const { requestId, nonce, previous } = claims;
    cluster.enrolments.push({ requestId, nonce, identityThumbprint: key.thumbprint, previous });
    const instead = cluster.instead.shift();
    if (instead) return typeof instead === "function" ? instead(claims.nonce) : instead;
    identityKey = verifyKeyOf(key.jwk);
    await given.whileEnrolling?.();
    const config = await authority.config(rev, nowSeconds(), profile);
    const asked = { nonce: claims.nonce, identityThumbprint: key.thumbprint };
    return { status: 201, body: JSON.stringify({ answer: await authority.enrolAnswer(asked, nowSeconds(), config) }) };
  }

  async function checkIn(message: string, response: ServerResponse): Promise<Instead> {
    const claims = readCheckIn(message).verify((kid) => (kid === identityKey?.kid ? identityKey : undefined));
    cluster.checkIns.push(claims);
    for (const entry of claims.journal.entries) cluster.journal.set(entry.seq, entry);
    changed();
    const instead = cluster.instead.shift();
    if (instead) return typeof instead === "function" ? instead(claims.nonce) : instead;
    const knownRevoked = revoked.length;
    const gone = () => response.destroyed || response.socket?.destroyed === true;
    response.once("close", () => {
      if (!response.writableEnded) cluster.abandoned += 1;
      changed();
    });
    while (claims.facts === undefined && claims.journal.entries.length === 0 && claims.applied.rev === rev) {
      if (gone() || revoked.length > knownRevoked) break;
      await nextChange();
    }
    return {
      status: 200,
      body: JSON.stringify({
        answer: await authority.answer({
          nonce: claims.nonce,
          iat: nowSeconds(),
          rev,
          revoked,
          journalAcked: Math.max(0, ...cluster.journal.keys()),
          next: { holdMs: 45_000, afterMs: 0 },
          ...(claims.applied.rev === rev ? {} : { config: await authority.config(rev, nowSeconds(), profile, upkeep) }),
        }),
      }),
    };
  }

  function nextChange(): Promise<void> {
    return new Promise((resolve) => {
      const listener = () => {
        listeners.delete(listener);
        resolve();
      };
      listeners.add(listener);
    });
  }
}
