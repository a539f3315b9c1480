import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { maxBodyBytes, protocolHeader, protocolVersion } from "@postern/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enrol, type FakeAgent, newEnrolAttempt, postMessage, tryEnrol } from "../src/check-in/fake-agent.fixture.ts";
import { type Caller, call, expectProblem, logInAsAdmin } from "./http-client.ts";
import { type RunningCluster, startCluster } from "./running-cluster.ts";

let cluster: RunningCluster;
let admin: Caller;
let activationKey: string;
let agent: FakeAgent;

beforeAll(async () => {
  cluster = await startCluster();
  admin = await logInAsAdmin(cluster);
  const { id: tenantId } = await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name: "acme" });
  const made = await call<{ key: string }>(cluster, admin, "POST", "/activation-keys", { tenantId, maxUses: 2 });
  activationKey = made.key;
  agent = await enrol(cluster.url, activationKey, { hostName: "ws-1" });
});
afterAll(() => cluster.remove());

const right = { "content-type": "application/json", [protocolHeader]: String(protocolVersion) };

function post(path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = right) {
  return fetch(`${cluster.url}${path}`, { method: "POST", headers, body });
}

/** A body with the same signed message in it: whole but for what the test changes around it. */
async function goodBody(): Promise<string> {
  return JSON.stringify({ request: (await agent.seal({ applied: { rev: 0 } })).request });
}

describe.each(["/agent/v1/enroll", "/agent/v1/check-in"])("%s", (path) => {
  test.each([undefined, "", "0", "2", "1.0", "one", "1, 1"])("refuses the protocol %j", async (spoken) => {
    const { [protocolHeader]: _, ...rest } = right;
    const headers = spoken === undefined ? rest : { ...rest, [protocolHeader]: spoken };
    const response = await post(path, await goodBody(), headers);
    expect(response.headers.get(protocolHeader)).toBe(String(protocolVersion));
    await expectProblem(response, 426, "protocol_unsupported");
  });

  test("refuses a body over 128 KiB", async () => {
    const body = JSON.stringify({ request: "x".repeat(maxBodyBytes) });
    await expectProblem(await post(path, body), 413, "body_too_large");
  });

  test("refuses a compressed body", async () => {
    const body = new Uint8Array(gzipSync(await goodBody()));
    const headers = { ...right, "content-encoding": "gzip" };
    await expectProblem(await post(path, body, headers), 415, "encoding_unsupported");
  });

  test.each(["text/plain", "application/jose", "application/x-www-form-urlencoded"])("refuses %s", async (type) => {
    const headers = { ...right, "content-type": type };
    await expectProblem(await post(path, await goodBody(), headers), 415, "media_type_unsupported");
  });

  test.each(["", "{", "[]", "null", "7", "{}", '{"request":7}', '{"request":""}', '{"request":["a"]}'])(
    "refuses the body %j",
    async (body) => {
      await expectProblem(await post(path, body), 400, "malformed_request", "validation_failed");
    },
  );

  test.each(["x", "a.b.c", "e30.e30.AA", "..", "\u0000", "e30.e30.AA.e30"])(
    "refuses %j, which is no signed message",
    async (request) => {
      await expectProblem(await post(path, JSON.stringify({ request })), 400, "message_refused");
    },
  );

  test("refuses a message that is signed for something else", async () => {
    const body = { kind: "agent", agentId: agent.agentId, reason: "to be misused" };
    const { token } = await call<{ token: string }>(cluster, admin, "POST", "/agent-tokens", body);
    await expectProblem(await postMessage(`${cluster.url}${path}`, token), 400, "message_refused");
  });
});

test("a message for one endpoint is refused at the other", async () => {
  const { request } = await agent.seal();
  await expectProblem(await postMessage(`${cluster.url}/agent/v1/enroll`, request), 400, "message_refused");
});

test("a check-in is refused when one byte was altered, and when it is sent a second time", async () => {
  const { request, nonce } = await agent.seal({ applied: { rev: 0 } });
  const [header = "", claims = "", signature = ""] = request.split(".");
  const url = `${cluster.url}/agent/v1/check-in`;
  const other = signature.startsWith("A") ? "B" : "A";
  const altered = `${header}.${claims}.${other}${signature.slice(1)}`;
  await expectProblem(await postMessage(url, altered), 401, "agent_unauthenticated");
  expect(await agent.send(request, nonce)).toMatchObject({ status: 200 });
  await expectProblem(await postMessage(url, request), 409, "check_in_replayed");
});

test("a check-in of an agent that the cluster does not know is refused", async () => {
  const { request } = await agent.seal({ sub: randomUUID() });
  await expectProblem(await postMessage(`${cluster.url}/agent/v1/check-in`, request), 401, "agent_unauthenticated");
});

test("an enrolment without a good activation key is refused, and costs none of its uses", async () => {
  const [, id = "", secret = "", root = ""] = activationKey.split(".");
  const other = secret.startsWith("A") ? "B" : "A";
  for (const key of [
    `postern-ak1.${id}.${other}${secret.slice(1)}.${root}`,
    `postern-ak1.019a0000-0000-7000-8000-00000000dead.${secret}.${root}`,
  ]) {
    expect(await tryEnrol(cluster.url, key, newEnrolAttempt())).toEqual({
      status: 403,
      code: "activation_key_invalid",
    });
  }
  expect(await tryEnrol(cluster.url, activationKey, newEnrolAttempt())).toMatchObject({ status: 201 });
  expect(await tryEnrol(cluster.url, activationKey, newEnrolAttempt())).toEqual({
    status: 403,
    code: "activation_key_used_up",
  });
});
