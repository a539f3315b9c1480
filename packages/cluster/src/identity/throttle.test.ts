import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Database, migrations, type Store } from "../schema.ts";
import { makeTestDatabase, type TestDatabase } from "../test-database.fixture.ts";
import { identityLimits } from "./limits.ts";
import { type Attempt, createLoginThrottle, forgetKnownLogins, type LoginThrottle, networkOf } from "./throttle.ts";

const { pair, address: byAddress, name: byName } = identityLimits.throttle;
const userId = "01a20cca-0000-7000-8000-000000000001";

let database: TestDatabase;
let store: Store;
let throttle: LoginThrottle;
let now = 1_000_000;

beforeAll(async () => {
  database = await makeTestDatabase("migrated");
  store = await database.open<Database>(migrations);
  const times = { created_at: 1, changed_at: 1, revision: 1 };
  const user = { id: userId, name: "Anna", name_search: "anna", password_hash: "", disabled: 0, ...times } as const;
  await store.durable(async (tx) => void (await tx.insertInto("user_account").values(user).execute()));
  throttle = createLoginThrottle(store.reads, store.durable, { now: () => now });
});

beforeEach(async () => {
  now += 2 * byName.windowMs + identityLimits.knownLoginMs; // what an earlier test left is over
});

afterAll(async () => {
  await store.close();
  await database.remove();
});

function from(address: string, name = "Anna"): Attempt {
  return { kind: "log-in", name, address };
}

/** `open`, or the seconds to wait. */
async function tryFrom(attempt: Attempt): Promise<"open" | number> {
  try {
    await throttle.begin(attempt);
    return "open";
  } catch (error) {
    expect(error).toMatchObject({ code: "login_throttled", status: 429 });
    return Number((error as { headers: Record<string, string> }).headers["retry-after"]);
  }
}

async function fail(attempt: Attempt, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) await throttle.begin(attempt);
}

function succeed(attempt: Attempt): Promise<void> {
  return store.durable((tx) => throttle.succeeded(tx, attempt, userId));
}

async function rows(): Promise<number> {
  return (await store.reads.selectFrom("login_counter").select("key").execute()).length;
}

test("the wait doubles with each failure, up to its bound, and trying too early makes it no longer", async () => {
  const guesser = from("192.0.2.1");
  await fail(guesser, pair.free);
  const waits: number[] = [];
  for (;;) {
    const wait = await tryFrom(guesser);
    if (wait === "open") break;
    waits.push(wait);
    expect(await tryFrom(guesser)).toBe(wait);
    if (wait * 1000 === pair.longestWaitMs) break;
    now += wait * 1000;
    await throttle.begin(guesser);
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
});

test("attempts made at once all count", async () => {
  const results = await Promise.all(Array.from({ length: 30 }, () => tryFrom(from("192.0.2.2"))));
  expect(results.filter((result) => result === "open")).toHaveLength(pair.free);
});

test("what other nodes counted counts", async () => {
  const other = createLoginThrottle(store.reads, store.durable, { now: () => now });
  for (let count = 0; count < pair.free; count += 1) await other.begin(from("192.0.2.3"));
  expect(await tryFrom(from("192.0.2.3"))).toBe(1);
});

test("a name that nobody has counts as one that somebody has", async () => {
  for (const name of ["Anna", "nobody of that name"]) {
    await fail(from("192.0.2.4", name), pair.free);
    expect(await tryFrom(from("192.0.2.4", name))).toBe(1);
    expect(await tryFrom(from("192.0.2.4", name.toUpperCase()))).toBe(1);
  }
});

test("one address is stopped over all names, and other addresses are not", async () => {
  for (let count = 0; count < byAddress.free; count += 1) await throttle.begin(from("192.0.2.5", `name ${count}`));
  expect(await tryFrom(from("192.0.2.5", "another"))).toBe(1);
  expect(await tryFrom(from("192.0.2.6", "another"))).toBe("open");
});

test("one name is stopped over all addresses, but not for whoever has logged in from his before", async () => {
  const home = from("203.0.113.7");
  await throttle.begin(home);
  await succeed(home);
  for (let count = 0; count < byName.free; count += 1) await throttle.begin(from(`198.51.100.${count}`));
  expect(await tryFrom(from("198.51.100.200"))).toBe(1);
  expect(await tryFrom(home)).toBe("open");
  // Strangers behind the same address, who try other names, do not stop him either.
  for (let count = 0; count < byAddress.free; count += 1) await throttle.begin(from("203.0.113.7", `x${count}`));
  expect(await tryFrom(from("203.0.113.7", "a stranger"))).toBe(1);
  expect(await tryFrom(home)).toBe("open");
  // A guesser at his very address has no more guesses than anywhere else.
  await fail(home, pair.free - 2);
  expect(await tryFrom(home)).toBe(1);
  // Nor is an address known for ever.
  await store.durable((tx) => forgetKnownLogins(tx, userId));
  now += pair.windowMs;
  await fail(from("198.51.100.201"), 1);
  expect(await tryFrom(home)).toBeGreaterThan(0);
});

test("a success resets what was mistyped there, and leaves what others did", async () => {
  for (let count = 0; count < byName.free - 1; count += 1) await throttle.begin(from(`198.51.100.${count}`));
  const home = from("203.0.113.8");
  await throttle.begin(home);
  expect(await tryFrom(from("198.51.100.210"))).toBe(1);
  await succeed(home);
  expect(await tryFrom(from("198.51.100.210"))).toBe("open"); // its own attempt is taken back
  expect(await tryFrom(from("198.51.100.211"))).toBe(1);
  await fail(home, pair.free);
  await succeed(home);
  await fail(home, pair.free);
  expect(await tryFrom(home)).toBe(1);
});

test("a counter ends with its window", async () => {
  await fail(from("192.0.2.9"), pair.free);
  expect(await tryFrom(from("192.0.2.9"))).toBe(1);
  now += pair.windowMs;
  expect(await tryFrom(from("192.0.2.9"))).toBe("open");
});

test("the counters stay few: what is over goes, and at the bound those that end first", async () => {
  const small = createLoginThrottle(store.reads, store.durable, { now: () => now }, 30);
  for (let count = 0; count < 60; count += 1) await small.begin(from(`198.51.100.${count}`, `name ${count}`));
  expect(await rows()).toBeLessThanOrEqual(33);
  now += byName.windowMs;
  await small.begin(from("192.0.2.10"));
  expect(await rows()).toBe(3);
});

test("a flood of refused attempts writes nothing", async () => {
  await fail(from("192.0.2.11"), pair.free);
  const before = await store.reads.selectFrom("login_counter").selectAll().orderBy("key").execute();
  for (let count = 0; count < 20; count += 1) await tryFrom(from("192.0.2.11"));
  expect(await store.reads.selectFrom("login_counter").selectAll().orderBy("key").execute()).toEqual(before);
});

test("a user is known at so many addresses and no more", async () => {
  for (let count = 0; count < identityLimits.maxKnownLogins + 5; count += 1) {
    now += 1;
    await succeed(from(`10.0.0.${count}`));
  }
  const known = await store.reads.selectFrom("known_login").select("key").execute();
  expect(known).toHaveLength(identityLimits.maxKnownLogins);
});

test("neither names nor addresses are kept", async () => {
  await throttle.begin(from("192.0.2.12", "a password typed into the wrong field"));
  expect(JSON.stringify(await database.query("select * from login_counter"))).not.toMatch(/password|192\.0\.2/);
});

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:0DB8:1:2::", "2001:db8:1:2"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
  ["fe80::1%eth0", "fe80:0:0:0"],
  ["", ""],
])("%s counts as %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test("attempts at once are stored in any order: who is still free is not told to wait for a later one's time", async () => {
  const person = from("192.0.2.77");
  now += 5;
  await throttle.begin(person);
  now -= 5;
  expect(await tryFrom(person)).toBe("open");
  now += 5;
  await fail(person, pair.free - 2);
  now -= 5;
  expect(await tryFrom(person)).toBe(2); // a second after the latest of them, not after its own time
});
