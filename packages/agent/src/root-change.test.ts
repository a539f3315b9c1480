import { rmSync } from "node:fs";
import { join } from "node:path";
import { sealRootChange, sealTrustBundle } from "@postern/protocol";
import { issuerOf, type Signer } from "@postern/token";
import { afterEach, expect, test } from "vitest";
import { type Authority, fakeAuthority, newSigner } from "./authority.fixture.ts";
import { type FakeCluster, fakeCluster } from "./fake-cluster.fixture.ts";
import { testAgent } from "./test-agent.fixture.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const now = () => Math.floor(Date.now() / 1000);

/** A protected agent of a cluster whose roots the test has in its hands. */
async function protectedAgent() {
  const authority = fakeAuthority();
  const cluster = await fakeCluster(authority, { profile: { on: true } });
  closing.push(() => cluster.close());
  const agent = await testAgent();
  closing.push(agent.end);
  await agent.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey });
  await agent.until(({ protection, journalWaiting }) => protection.state === "on" && journalWaiting === 0);
  return { authority, cluster, agent };
}

/** A bundle with the same keys, signed by `root` after these root changes. */
function bundle(authority: Authority, ver: number, root: Signer, rootChanges: readonly string[]): Promise<string> {
  const { clusterId, tokenKey, configKey } = authority;
  const keys = [
    { kid: tokenKey.kid, use: "token" as const, jwk: tokenKey.publicJwk },
    { kid: configKey.kid, use: "config" as const, jwk: configKey.publicJwk },
  ];
  const claims = { iss: issuerOf(clusterId), ver, iat: now(), keys, roots: [root.kid], rootChanges: [...rootChanges] };
  return sealTrustBundle(claims, root);
}

/** The next check-in is answered with this bundle. */
async function answerWith(cluster: FakeCluster, authority: Authority, message: string): Promise<void> {
  const seen = cluster.checkIns.length;
  cluster.instead.push(async (nonce) => {
    const answer = await authority.answer({ nonce, iat: now(), rev: 1, bundleVer: 9, bundle: message });
    return { status: 200, body: JSON.stringify({ answer }) };
  });
  cluster.setProfile({});
  await cluster.until(() => cluster.checkIns.length > seen + 1);
}

const known = ({ checkIns }: FakeCluster) => checkIns.at(-1)?.bundleVer;

test("an agent follows two root changes at once, pins what they lead to, and comes back there after a restart", {
  timeout: 30_000,
}, async () => {
  const { authority, cluster, agent } = await protectedAgent();
  const [second, third] = [newSigner(), newSigner()];
  const iss = issuerOf(authority.clusterId);
  const changes = [
    await sealRootChange({ iss, ver: 1, iat: now(), roots: [second.kid] }, authority.root),
    await sealRootChange({ iss, ver: 2, iat: now(), roots: [third.kid] }, second),
  ];
  await answerWith(cluster, authority, await bundle(authority, 2, third, changes));
  expect(known(cluster)).toBe(2);

  // Who has a root of before: with a higher version, with the changes, with one of his own, or with an old one again.
  const thief = newSigner();
  const lead = await sealRootChange({ iss, ver: 3, iat: now(), roots: [thief.kid] }, second);
  for (const message of [
    await bundle(authority, 9, authority.root, []),
    await bundle(authority, 9, second, changes),
    await bundle(authority, 9, second, changes.slice(0, 1)),
    await bundle(authority, 9, thief, [...changes, lead]),
  ]) {
    await answerWith(cluster, authority, message);
    expect(known(cluster)).toBe(2);
  }
  await agent.restart();
  const seen = cluster.checkIns.length;
  await cluster.until(() => cluster.checkIns.length > seen);
  expect(known(cluster)).toBe(2);
  await answerWith(cluster, authority, await bundle(authority, 9, authority.root, []));
  expect(known(cluster)).toBe(2);
  await answerWith(cluster, authority, await bundle(authority, 3, third, changes));
  expect(known(cluster)).toBe(3);
  expect((await agent.status()).protection.state).toBe("on");
});

test("an agent whose state is lost starts at the anchor's pin, stays protected, and is led on by the next answer", {
  timeout: 30_000,
}, async () => {
  const { authority, cluster, agent } = await protectedAgent();
  const second = newSigner();
  const iss = issuerOf(authority.clusterId);
  const changes = [await sealRootChange({ iss, ver: 1, iat: now(), roots: [second.kid] }, authority.root)];
  const led = await bundle(authority, 2, second, changes);
  await answerWith(cluster, authority, led);
  await agent.stop();
  rmSync(join(agent.folder, "state"));
  await agent.start();
  expect((await agent.status()).protection.state).toBe("on");
  await answerWith(cluster, authority, led);
  expect(known(cluster)).toBe(2);
});
