import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { maxBodyBytes } from "@postern/protocol";
import { afterEach, describe, expect, test } from "vitest";
import { maxRetryAfterMs } from "../limits.ts";
import { backoffMs } from "./backoff.ts";
import { checkClusterUrl, exchangeWith, NoResponse } from "./exchange.ts";
import { loopbackCertificate } from "./loopback-certificate.fixture.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe("the exchange", { timeout: 30_000 }, () => {
  async function server(answer: Parameters<typeof createServer>[1]): Promise<string> {
    const listening = createServer(answer);
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    closing.push(async () => {
      listening.closeAllConnections();
      listening.close();
    });
    return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  }

  test("gives up on a body that is over the limit, and on silence", async () => {
    const url = await server((request, response) => {
      if (request.url === "/long") response.end("x".repeat(maxBodyBytes + 1));
    });
    const exchange = exchangeWith({ url });
    await expect(exchange("/long", "{}", { timeoutMs: 5000 })).rejects.toMatchObject({ code: "too_long" });
    await expect(exchange("/silent", "{}", { timeoutMs: 50 })).rejects.toMatchObject({ code: "timeout" });
    await expect(
      exchange("/silent", "{}", { timeoutMs: 5000, signal: AbortSignal.timeout(50) }),
    ).rejects.toBeInstanceOf(NoResponse);
  });

  test("ends whatever the far end does, and sends a request no second time once a response had begun", async () => {
    let requests = 0;
    const url = await server((request, response) => {
      requests += 1;
      request.resume();
      if (request.url === "/ok") response.end("{}");
      else if (request.url === "/101") response.writeHead(101, { connection: "upgrade", upgrade: "x" }).end();
      else if (request.url === "/later") response.writeHead(503, { "retry-after": "999999999" }).end();
      else
        response.write("x", () => setTimeout(() => request.url === "/cut" && response.socket?.resetAndDestroy(), 20));
    });
    const exchange = exchangeWith({ url });
    for (const [path, code] of [
      ["/101", "closed"],
      ["/cut", "ECONNRESET"],
      ["/never-ends", "timeout"],
    ] as const) {
      // On a connection that was kept: only there a request may be sent again.
      await exchange("/ok", "{}", { timeoutMs: 5000 });
      const before = requests;
      await expect(exchange(path, "{}", { timeoutMs: 200 }), path).rejects.toMatchObject({ code });
      expect(requests - before, path).toBe(1);
    }
    expect(await exchange("/later", "{}", { timeoutMs: 5000 })).toMatchObject({ retryAfterMs: maxRetryAfterMs });
  });

  test("over TLS trusts the authority it is given, and no other, whatever the environment says", async () => {
    const listening = createSecureServer(loopbackCertificate, (_, response) => response.end("{}"));
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    closing.push(async () => {
      listening.closeAllConnections();
      listening.close();
    });
    const url = `https://127.0.0.1:${(listening.address() as AddressInfo).port}`;
    const given = exchangeWith({ url, ca: loopbackCertificate.cert });
    expect((await given("/", "{}", { timeoutMs: 5000 })).status).toBe(200);
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      const strict = exchangeWith({ url })("/", "{}", { timeoutMs: 5000 });
      await expect(strict).rejects.toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    } finally {
      delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    }
  });

  test("keeps a path before ours, and goes through the proxy it is given", async () => {
    const seen: (string | undefined)[] = [];
    const proxy = await server((request, response) => {
      seen.push(request.url);
      response.end("{}");
    });
    const exchange = exchangeWith({ url: "http://127.0.0.1:9/behind/", proxy });
    expect((await exchange("/agent/v1/check-in", "{}", { timeoutMs: 5000 })).status).toBe(200);
    expect(seen).toEqual(["http://127.0.0.1:9/behind/agent/v1/check-in"]);
  });

  test.each([
    ["https://postern.example", undefined],
    ["https://postern.example:8443/base", undefined],
    ["http://127.0.0.1:7480", undefined],
    ["http://localhost:7480", undefined],
    ["http://[::1]:7480", undefined],
    ["http://postern.example", "url_insecure"],
    ["http://127.0.0.1.example", "url_insecure"],
    ["http://localhost.example", "url_insecure"],
    ["ftp://postern.example", "url_malformed"],
    ["https://user:secret@postern.example", "url_malformed"],
    ["postern.example", "url_malformed"],
  ])("%s: %s", (url, verdict) => {
    expect(checkClusterUrl(url)).toBe(verdict);
  });
});

test("backoff has full jitter, a cap, and respects what was asked for", () => {
  expect(backoffMs(1, () => 0)).toBe(0);
  expect(backoffMs(1, () => 0.999)).toBe(999);
  expect(backoffMs(4, () => 0.999)).toBe(7992);
  expect(backoffMs(1000, () => 0.9999)).toBeLessThan(60_000);
  expect(backoffMs(1, () => 0.5, 10_000)).toBe(10_500);
});
