import { Agent, request } from "node:http";

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

/** Sends what `next` gives, `atOnce` at a time, and resolves to how many were answered in a second. */
export async function loadFor(next: () => LoadRequest, settings: LoadSettings): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: settings.atOnce });
  const started = performance.now();
  let answered = 0;
  const lane = async () => {
    while (performance.now() - started < settings.durationMs) {
      await send(next(), agent, settings.status);
      answered++;
    }
  };
  try {
    await Promise.all(Array.from({ length: settings.atOnce }, lane));
    return (answered * 1000) / (performance.now() - started);
  } finally {
    agent.destroy();
  }
}

function send({ url, headers, body }: LoadRequest, agent: Agent, status: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: "POST", agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        if (response.statusCode === status) return resolve();
        reject(new Error(`${url} answered ${response.statusCode}: ${Buffer.concat(chunks).toString().slice(0, 500)}`));
      });
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
