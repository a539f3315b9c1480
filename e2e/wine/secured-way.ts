import { createServer, request } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, type Server } from "node:net";
import { loopbackCertificate } from "../../packages/agent/src/link/loopback-certificate.fixture.ts";

/** A way to a cluster as large sites have it: TLS with a certificate of their own, and a proxy before it. */
export interface SecuredWay {
  readonly url: string;
  readonly proxy: string;
  readonly certificate: string;
  /** Connections that came through the proxy. */
  proxied(): number;
  close(): void;
}

/** Puts TLS and a proxy before the cluster that listens at `clusterUrl`. */
export async function securedWay(clusterUrl: string): Promise<SecuredWay> {
  const { hostname, port } = new URL(clusterUrl);
  const front = createSecureServer(loopbackCertificate, (incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const onward = request({ hostname, port, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  let proxied = 0;
  const proxy = createServer((_, response) => void response.writeHead(405).end());
  proxy.on("connect", ({ url = "" }, client, head: Buffer) => {
    proxied++;
    const target = new URL(`http://${url}`);
    const server = connect(Number(target.port), target.hostname, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      server.write(head);
      server.pipe(client).pipe(server);
    });
    server.on("error", () => client.destroy());
    client.on("error", () => server.destroy());
  });
  const [frontPort, proxyPort] = await Promise.all([front, proxy].map(listen));
  return {
    url: `https://127.0.0.1:${frontPort}`,
    proxy: `http://127.0.0.1:${proxyPort}`,
    certificate: loopbackCertificate.cert,
    proxied: () => proxied,
    close() {
      for (const server of [front, proxy]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
