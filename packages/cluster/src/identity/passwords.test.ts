import { argon2Sync, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { identityLimits } from "./limits.ts";
import { createPasswords } from "./passwords.ts";

const cheap = { memoryKiB: 64, passes: 1, lanes: 1 };

test("a hash is Argon2id in the PHC format, with a salt of its own", async () => {
  const passwords = createPasswords(cheap, randomBytes);
  const hash = await passwords.hash("open sesame");
  const [, , version, parameters, salt = "", result = ""] = hash.split("$");
  expect(hash).toMatch(/^\$argon2id\$/);
  expect([version, parameters]).toEqual(["v=19", "m=64,t=1,p=1"]);
  const nonce = Buffer.from(salt, "base64");
  const expected = argon2Sync("argon2id", {
    message: "open sesame",
    nonce,
    parallelism: 1,
    tagLength: 32,
    memory: 64,
    passes: 1,
  });
  expect(Buffer.from(result, "base64")).toEqual(expected);
  expect(await passwords.hash("open sesame")).not.toBe(hash);
});

test("only the password itself verifies, however its letters were typed", async () => {
  const passwords = createPasswords(cheap, randomBytes);
  const hash = await passwords.hash("caf\u00e9 au lait");
  expect(await passwords.verify("cafe\u0301 au lait", hash)).toBe(true);
  expect(await passwords.verify("cafe au lait", hash)).toBe(false);
  expect(await passwords.verify("", hash)).toBe(false);
  expect(await passwords.verify("anything", null)).toBe(false);
});

test("a hash made at another cost still verifies", async () => {
  const hash = await createPasswords({ ...cheap, passes: 2 }, randomBytes).hash("open sesame");
  expect(await createPasswords(cheap, randomBytes).verify("open sesame", hash)).toBe(true);
});

test("a name that does not exist takes as long as a wrong password", async () => {
  const passwords = createPasswords({ memoryKiB: 16 * 1024, passes: 4, lanes: 1 }, randomBytes);
  const hash = await passwords.hash("open sesame");
  const time = async (against: string | null) => {
    const start = performance.now();
    for (let count = 0; count < 3; count += 1) await passwords.verify("wrong", against);
    return performance.now() - start;
  };
  const wrong = await time(hash);
  expect(await time(null)).toBeGreaterThan(wrong / 4); // without the computation it would be a thousandth
});

test("more log-ins than can wait are told to come again", async () => {
  const passwords = createPasswords(cheap, randomBytes);
  const all = identityLimits.maxHashesAtOnce + identityLimits.maxHashesWaiting;
  const results = await Promise.allSettled(Array.from({ length: all + 3 }, () => passwords.verify("x", null)));
  const refused = results.filter((result) => result.status === "rejected");
  expect(refused.map((result) => result.reason.code)).toEqual(["overloaded", "overloaded", "overloaded"]);
  expect(await passwords.verify("x", null)).toBe(false); // places are free again
});
