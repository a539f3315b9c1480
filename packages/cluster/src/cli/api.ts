import { defaultUrl, parseClusterUrl } from "./cluster-url.ts";
import { CommandFailed, exitCodes } from "./failure.ts";
import { type Exchange, type ExchangeAnswer, exchange, exchangeInPieces, mediaTypeOf } from "./http-exchange.ts";
import { ApiRefused, parseProblem } from "./refused.ts";
import { loadSession, type StoredSession, saveSession } from "./session-file.ts";
import type { Terminal } from "./terminal.ts";

/** Members of a list are given one by one, under the same name. */
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** A list of the management API. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

/** What identifies the operator to the cluster. */
export type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "api-key"; readonly apiKey: string }
  | { readonly kind: "session"; readonly session: StoredSession };

/** The management API of one cluster, for one operator. Paths are those below `/api/v1`. */
export interface Api {
  readonly url: string;
  readonly credentials: Credentials;
  /** @throws {ApiRefused} @throws {CommandFailed} 4 */
  request(method: Exchange["method"], path: string, options?: RequestOptions): Promise<ExchangeAnswer>;
  /**
   * Gives the answer of a GET to `take` in pieces, as they come: for what need not fit into memory.
   *
   * @throws {ApiRefused} @throws {CommandFailed} 4: also when it is cut off
   */
  download(path: string, options: RequestOptions, take: (piece: Uint8Array) => Promise<void>): Promise<void>;
}

export interface RequestOptions {
  readonly query?: Query;
  readonly body?: unknown;
  /** In place of a body. */
  readonly file?: Blob;
  readonly headers?: Readonly<Record<string, string>>;
  /** For what may take the cluster longer than most requests do. */
  readonly timeoutMs?: number;
}

/**
 * The cluster that the environment or the stored log-in names: `POSTERN_URL` and `POSTERN_API_KEY` win over
 * `postern login`. A session's cookie goes to the cluster that gave it and to no other.
 *
 * @throws {CommandFailed} 2 wrong address; 3 not logged in
 */
export async function connect(terminal: Terminal): Promise<Api> {
  const { env } = terminal;
  const apiKey = env["POSTERN_API_KEY"]?.trim();
  if (apiKey) {
    return apiAt(terminal, parseClusterUrl(env["POSTERN_URL"] || defaultUrl), { kind: "api-key", apiKey });
  }
  const session = await loadSession(env);
  const url = parseClusterUrl(env["POSTERN_URL"] || session?.url || defaultUrl);
  if (session?.url !== url) {
    throw new CommandFailed(exitCodes.refused, `Nobody is logged in at ${url}.`, [
      `Run: postern login --url ${url} NAME; or set POSTERN_API_KEY.`,
    ]);
  }
  return apiAt(terminal, url, { kind: "session", session });
}

/** The management API at `url` with these credentials. */
export function apiAt(terminal: Terminal, url: string, credentials: Credentials): Api {
  let cookie = credentials.kind === "session" ? credentials.session.cookie : undefined;

  function credentialHeaders(): Record<string, string> {
    if (credentials.kind === "api-key") return { authorization: `Bearer ${credentials.apiKey}` };
    // The cluster takes a cookie only from its own pages, and from programs that say what a browser would.
    return { ...(cookie === undefined ? {} : { cookie }), "sec-fetch-site": "same-origin", origin: url };
  }

  return {
    url,
    credentials,
    async request(method, path, options = {}) {
      const answer = await exchange(exchangeOf(method, path, options));
      await keepRenewed(answer);
      return refusedOrAnswer(url, answer);
    },
    async download(path, options, take) {
      const answer = await exchangeInPieces(exchangeOf("GET", path, options), take);
      await keepRenewed(answer);
      refusedOrAnswer(url, answer);
    },
  };

  function exchangeOf(method: Exchange["method"], path: string, options: RequestOptions): Exchange {
    const { query = {}, body, file, headers = {}, timeoutMs } = options;
    const target = new URL(`/api/v1${path}`, url);
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) {
        if (one !== undefined && one !== "") target.searchParams.append(name, String(one));
      }
    }
    const all = { ...credentialHeaders(), ...headers };
    return {
      method,
      url: target,
      headers: all,
      body,
      ...(file === undefined ? {} : { file }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    };
  }

  async function keepRenewed({ status, headers }: ExchangeAnswer): Promise<void> {
    const renewed = sessionCookieOf(headers);
    if (renewed === undefined || credentials.kind !== "session" || status >= 400) return;
    cookie = renewed;
    await saveSession(terminal.env, { ...credentials.session, cookie });
  }
}

/** The session cookie that an answer sets, as `name=value`. */
export function sessionCookieOf(headers: Headers): string | undefined {
  const pairs = headers.getSetCookie().map((line) => line.split(";", 1)[0]?.trim() ?? "");
  return pairs.find((pair) => /^(__Host-)?pst=./.test(pair));
}

function refusedOrAnswer(url: string, answer: ExchangeAnswer): ExchangeAnswer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const problem = mediaTypeOf(answer.headers) === "application/problem+json" ? parseProblem(answer.text) : undefined;
  if (problem) throw new ApiRefused(problem);
  throw notTheCluster(url, answer);
}

/** A proxy's error page, or the web server of somebody else. */
function notTheCluster(url: string, { status, headers }: ExchangeAnswer): CommandFailed {
  const type = mediaTypeOf(headers) || "nothing";
  return new CommandFailed(exitCodes.unreachable, `${url} answered ${status} with ${type}, which is no cluster's.`, [
    "Is this the cluster's address, and what stands before it? POSTERN_URL or postern login --url gives another one.",
  ]);
}

/** The JSON of an answer, of the shape that the route's schema promises. @throws {CommandFailed} 4 */
export function jsonOf<Answer>(api: Api, answer: ExchangeAnswer): Answer {
  if (mediaTypeOf(answer.headers) === "application/json") {
    try {
      return JSON.parse(answer.text) as Answer;
    } catch {
      // Falls through: a cut or foreign answer.
    }
  }
  throw notTheCluster(api.url, answer);
}

export async function get<Answer>(api: Api, path: string, query: Query = {}): Promise<Answer> {
  return jsonOf(api, await api.request("GET", path, { query }));
}

export async function post<Answer>(api: Api, path: string, body: unknown = {}): Promise<Answer> {
  return jsonOf(api, await api.request("POST", path, { body }));
}

/** Up to `most` items of a list, page by page, and whether there are more. */
export async function list<Item>(api: Api, path: string, query: Query, most: number): Promise<Listed<Item>> {
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const limit = Math.min(maxPageItems, most - items.length);
    const page: Page<Item> = await get(api, path, { ...query, limit, cursor });
    items.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && items.length < most);
  return { items, more: cursor !== undefined };
}

export interface Listed<Item> {
  readonly items: readonly Item[];
  readonly more: boolean;
}

/** The largest page that the management API gives. */
const maxPageItems = 500;
