import { connect } from "node:net";

/** One request that is sent over and over. */
export interface LoadRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface LoadSettings {
  /** Requests under way at any moment, each on a connection that is kept. */
  readonly atOnce: number;
  readonly durationMs: number;
  /** What each answer must be: anything else ends the run, since a refusal costs less than the real thing. */
  readonly status: number;
}

/**
 * Sends a request, `atOnce` at a time, and resolves to how many were answered in a second.
 *
 * It writes ready-made bytes and reads no more of an answer than its status and length: an HTTP client would take a
 * core from the server that is measured on a machine of two.
 */
export async function loadFor(request: LoadRequest, settings: LoadSettings): Promise<number> {
  const { hostname, port } = new URL(request.url);
  const bytes = toBytes(request);
  const started = performance.now();
  const isOver = () => performance.now() - started >= settings.durationMs;
  let answered = 0;

  const lane = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      let received = "";
      socket.on("data", (chunk) => {
        received += chunk.toString("latin1");
        const wholeLength = lengthOf(received);
        if (wholeLength === undefined || received.length < wholeLength) return;
        if (!received.startsWith(`HTTP/1.1 ${settings.status} `)) {
          socket.destroy();
          reject(new Error(`${request.url} answered: ${received.slice(0, 1_000)}`));
          return;
        }
        received = "";
        answered++;
        if (isOver()) socket.end(resolve);
        else socket.write(bytes);
      });
      socket.on("error", reject);
      socket.on("connect", () => socket.write(bytes));
      socket.on("close", () => reject(new Error(`${request.url} closed the connection`)));
    });

  await Promise.all(Array.from({ length: settings.atOnce }, lane));
  return (answered * 1000) / (performance.now() - started);
}

function toBytes({ url, headers, body }: LoadRequest): Buffer {
  const { host, pathname } = new URL(url);
  const lines = [
    `POST ${pathname} HTTP/1.1`,
    `host: ${host}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** How long the whole answer is, once its head is there. All servers here say the length of what they send. */
function lengthOf(received: string): number | undefined {
  const headEnd = received.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, headEnd)) ?? [];
  if (length === undefined) throw new Error("An answer without its length.");
  return headEnd + 4 + Number(length);
}
