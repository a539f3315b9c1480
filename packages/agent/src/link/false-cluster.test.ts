import { createServer } from "node:https";
import { openTrustBundle, pinsOf } from "@postern/protocol";
import { afterEach, expect, test } from "vitest";
import { fakeAuthority } from "../authority.fixture.ts";
import { receiveAnswer } from "../core/receive-answer.ts";
import { type FakeCluster, fakeCluster } from "../fake-cluster.fixture.ts";
import { testAgent } from "../test-agent.fixture.ts";
import { loopbackCertificate } from "./loopback-certificate.fixture.ts";

type TestAgent = Awaited<ReturnType<typeof testAgent>>;

const authority = fakeAuthority();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const nowSeconds = () => Math.floor(Date.now() / 1000);

async function protectedAgent(): Promise<{ agent: TestAgent; cluster: FakeCluster }> {
  const cluster = await fakeCluster(authority, { profile: { on: true }, tls: loopbackCertificate });
  const agent = await testAgent();
  closing.push(() => cluster.close(), agent.end);
  const enrolled = await agent.ask({
    command: "enroll",
    cluster: cluster.url,
    key: authority.activationKey,
    ca: loopbackCertificate.cert,
  });
  expect(enrolled).toMatchObject({ ok: true });
  await cluster.until(() => cluster.checkIns.length > 0);
  return { agent, cluster };
}

/** Somebody who has the address and the certificate, and knows all that is public of the cluster, but none of its keys. */
async function impostor(port: number): Promise<void> {
  const { agentId } = authority;
  const own = fakeAuthority();
  const server = createServer(loopbackCertificate, async (request, response) => {
    let text = "";
    for await (const piece of request) text += String(piece);
    const [, claims = ""] = (JSON.parse(text) as { request: string }).request.split(".");
    const { nonce } = JSON.parse(Buffer.from(claims, "base64url").toString()) as { nonce: string };
    const iat = nowSeconds();
    const config = await own.config(99, iat, { on: false });
    response.end(JSON.stringify({ answer: await own.answer({ nonce, sub: agentId, iat, rev: 99, config }) }));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
  });
}

test("a false cluster with a certificate that the agent trusts does not count as its cluster, and lifts nothing", {
  timeout: 30_000,
}, async () => {
  const { agent, cluster } = await protectedAgent();
  await cluster.close();
  await impostor(Number(new URL(cluster.url).port));
  const status = await agent.until(({ link }) => link?.trouble === "answer_unknown_key");
  expect(status.protection.state).toBe("on");
  expect(agent.guard()).toBe("armed");
});

test("an older trust bundle is refused, although a pinned root has signed it", async () => {
  const { agentId, tenantId } = authority;
  const [nonce, iat] = ["A".repeat(22), nowSeconds()];
  const bundle = openTrustBundle(await authority.bundle(iat, 7), pinsOf(authority.rootThumbprint));
  const answerWith = async (bundleVer: number) =>
    authority.answer({ nonce, iat, rev: 1, bundleVer, bundle: await authority.bundle(iat, bundleVer) });
  const known = { bundle, agentId, tenantId, nonce, appliedRev: 1 };
  expect(receiveAnswer(await answerWith(7), known).bundle.version).toBe(7);
  const older = await answerWith(6);
  expect(() => receiveAnswer(older, known)).toThrow(expect.objectContaining({ reason: "stale_bundle" }));
});
