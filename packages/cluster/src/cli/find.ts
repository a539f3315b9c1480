import type { Agent, ApiKey, Profile, Tenant, Tombstone, User } from "./answers.ts";
import { type Api, get, list } from "./api.ts";
import { type CommandFailed, wrongUsage } from "./failure.ts";
import { isRefusedWith } from "./refused.ts";
import { visible } from "./text.ts";
import { utcTime } from "./times.ts";

/** Similar names that are worth showing. */
const maxCandidates = 20;

export function isId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

/** What a person typed to name one thing, and how to talk about it. */
export interface Named<Item> {
  readonly noun: string;
  readonly typed: string;
  readonly nameOf: (item: Item) => string;
  /** One line that tells the item from others of its name. */
  readonly describe: (item: Item) => string;
  /** The command that lists them. */
  readonly listedBy: string;
}

/**
 * The one item whose name is the one typed, in any case.
 *
 * @throws {CommandFailed} 2: none, with similar names; several, with all of them
 */
export function pickOne<Item>(items: readonly Item[], named: Named<Item>): Item {
  const { noun, typed, nameOf, describe, listedBy } = named;
  const matches = items.filter((item) => sameName(nameOf(item), typed));
  const [match] = matches;
  if (match !== undefined && matches.length === 1) return match;
  const shown = (some: readonly Item[]) => some.slice(0, maxCandidates).map((item) => `  ${visible(describe(item))}`);
  if (match === undefined) {
    const similar = items.length === 0 ? [] : ["Similar names:", ...shown(items)];
    throw notThere(noun, `called "${typed}"`, ...similar, `${listedBy} shows what there is.`);
  }
  throw wrongUsage(
    `"${visible(typed)}" is the name of ${matches.length} ${noun}s. Give the id of one:`,
    ...shown(matches),
  );
}

function notThere(noun: string, which: string, ...more: readonly string[]): CommandFailed {
  return wrongUsage(visible(`There is no ${noun} ${which} that you may see.`), ...more);
}

function sameName(a: string, b: string): boolean {
  return a.normalize("NFKC").toLowerCase() === b.normalize("NFKC").toLowerCase();
}

/** What the API has under an id. @throws {CommandFailed} 2: nothing */
export async function findById<Item>(api: Api, noun: string, path: string, id: string, listedBy: string) {
  try {
    return await get<Item>(api, `${path}/${encodeURIComponent(id)}`);
  } catch (error) {
    if (!isRefusedWith(error, "not_found")) throw error;
    throw notThere(noun, `with the id ${id}`, `${listedBy} shows what there is.`);
  }
}

/** A tenant by its id or its name. @throws {CommandFailed} 2 */
export async function findTenant(api: Api, typed: string): Promise<Tenant> {
  const listedBy = "postern tenant list";
  if (isId(typed)) return findById(api, "tenant", "/tenants", typed, listedBy);
  const { items } = await list<Tenant>(api, "/tenants", { q: typed }, 500);
  const describe = ({ id, name }: Tenant) => `${id}  ${name}`;
  return pickOne(items, { noun: "tenant", typed, nameOf: ({ name }) => name, describe, listedBy });
}

/**
 * The tenant that a command is about: the one named, or the only one that the operator sees.
 *
 * @throws {CommandFailed} 2: none is named, and there are several
 */
export async function tenantOrOnly(api: Api, typed: string | undefined): Promise<Tenant> {
  if (typed !== undefined) return findTenant(api, typed);
  const { items } = await list<Tenant>(api, "/tenants", {}, maxCandidates);
  const [only] = items;
  if (only === undefined) throw wrongUsage("There is no tenant yet.", "Make one: postern tenant create NAME");
  if (items.length === 1) return only;
  const names = items.map(({ id, name }) => `  ${id}  ${visible(name)}`);
  throw wrongUsage("You see several tenants. Name one with --tenant:", ...names);
}

/** A profile by its id or its name, within one tenant when that is named. @throws {CommandFailed} 2 */
export async function findProfile(api: Api, typed: string, tenant: string | undefined): Promise<Profile> {
  const listedBy = "postern profile list";
  if (isId(typed)) return findById(api, "profile", "/profiles", typed, listedBy);
  const tenantId = tenant === undefined ? undefined : (await findTenant(api, tenant)).id;
  const { items } = await list<Profile>(api, "/profiles", { tenantId }, 500);
  const describe = ({ id, name, tenantId: of }: Profile) => `${id}  ${name}  (tenant ${of})`;
  return pickOne(items, { noun: "profile", typed, nameOf: ({ name }) => name, describe, listedBy });
}

/** An agent by its id or the host name of its workload, within one tenant when that is named. @throws {CommandFailed} 2 */
export async function findAgent(api: Api, typed: string, tenant: string | undefined): Promise<Agent> {
  const listedBy = "postern agent list";
  if (isId(typed)) return findById(api, "agent", "/agents", typed, listedBy);
  if (typed === "") throw wrongUsage("Give the host name or the id of an agent.", `${listedBy} shows what there is.`);
  const tenantId = tenant === undefined ? undefined : (await findTenant(api, tenant)).id;
  const { items } = await list<Agent>(api, "/agents", { q: typed, tenantId, sort: "hostName" }, 500);
  const describe = ({ id, hostName, platform, seenAt, tenantId: of }: Agent) =>
    `${id}  ${hostName}  ${platform}, last seen ${utcTime(seenAt)}, tenant ${of}`;
  return pickOne(items, { noun: "agent", typed, nameOf: ({ hostName }) => hostName, describe, listedBy });
}

/**
 * An agent as {@link findAgent}, or a deleted one: by its id, or by its host name when no agent has that name.
 *
 * @throws {CommandFailed} 2
 */
export async function findAgentOrDeleted(api: Api, typed: string): Promise<Pick<Agent, "id" | "hostName">> {
  if (typed === "") return findAgent(api, typed, undefined);
  const deleted = isId(typed)
    ? await get<Tombstone>(api, `/agents/tombstones/${typed}`).then(
        (one) => [one],
        (error: unknown) => {
          if (isRefusedWith(error, "not_found")) return [];
          throw error;
        },
      )
    : (await list<Tombstone>(api, "/agents/tombstones", { q: typed }, 500)).items;
  const named = isId(typed) ? deleted : deleted.filter(({ hostName }) => sameName(hostName, typed));
  if (named.length === 0) return findAgent(api, typed, undefined);
  if (!isId(typed)) {
    const { items } = await list<Agent>(api, "/agents", { q: typed }, 500);
    if (items.some(({ hostName }) => sameName(hostName, typed))) return findAgent(api, typed, undefined);
  }
  const describe = ({ id, hostName, deletedAt }: Tombstone) => `${id}  ${hostName}, deleted ${utcTime(deletedAt)}`;
  const nameOf = ({ id, hostName }: Tombstone) => (isId(typed) ? id : hostName);
  return pickOne(named, { noun: "deleted agent", typed, nameOf, describe, listedBy: "postern agent deleted" });
}

/** A user by its id or its name. @throws {CommandFailed} 2 */
export async function findUser(api: Api, typed: string): Promise<User> {
  const listedBy = "postern user list";
  if (isId(typed)) return findById(api, "user", "/users", typed, listedBy);
  const { items } = await list<User>(api, "/users", { q: typed }, 500);
  const describe = ({ id, name }: User) => `${id}  ${name}`;
  return pickOne(items, { noun: "user", typed, nameOf: ({ name }) => name, describe, listedBy });
}

/** One of the operator's own API keys by its id or its name. @throws {CommandFailed} 2 */
export async function findApiKey(api: Api, typed: string): Promise<ApiKey> {
  const { items } = await list<ApiKey>(api, "/api-keys", {}, 5_000);
  const listedBy = "postern api-key list";
  const describe = ({ id, name, createdAt }: ApiKey) => `${id}  ${name}, made ${utcTime(createdAt)}`;
  const nameOf = ({ id, name }: ApiKey) => (isId(typed) ? id : name);
  return pickOne(items, { noun: "API key", typed, nameOf, describe, listedBy });
}

/** Names of the tenants that the operator sees, by id. */
export async function tenantNames(api: Api): Promise<ReadonlyMap<string, string>> {
  const { items } = await list<Tenant>(api, "/tenants", {}, 5_000);
  return new Map(items.map(({ id, name }) => [id, name]));
}
