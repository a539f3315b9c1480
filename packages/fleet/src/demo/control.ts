import { randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Printed } from "../simulated-agent.ts";

/** How a second terminal reaches the demo that runs: an address on loopback, and a word that only this user can read. */
interface Contact {
  readonly port: number;
  readonly secret: string;
}

export interface ControlRequest {
  readonly argv: readonly string[];
  /** What came on standard input. */
  readonly input: string;
}

const contactName = "control.json";

/** Takes commands from `sendControl` for as long as the demo runs. */
export async function serveControl(
  folder: string,
  perform: (request: ControlRequest) => Promise<Printed>,
): Promise<{ close(): void }> {
  const secret = randomBytes(32).toString("base64url");
  const server = createServer(async (request, response) => {
    const given = Buffer.from(request.headers.authorization ?? "");
    const expected = Buffer.from(`Bearer ${secret}`);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      response.writeHead(403).end();
      return;
    }
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    const printed = await perform(JSON.parse(text) as ControlRequest).catch((error: unknown) => ({
      exitCode: 1,
      out: "",
      err: `failed: ${error instanceof Error ? error.message : String(error)}\n`,
    }));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(printed));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const contact: Contact = { port, secret };
  writeFileSync(join(folder, contactName), JSON.stringify(contact), { mode: 0o600 });
  return {
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Has the demo that runs in this folder do something; undefined: none runs there. */
export async function sendControl(folder: string, request: ControlRequest): Promise<Printed | undefined> {
  try {
    const { port, secret } = JSON.parse(readFileSync(join(folder, contactName), "utf8")) as Contact;
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}` },
      body: JSON.stringify(request),
    });
    return response.ok ? ((await response.json()) as Printed) : undefined;
  } catch {
    return undefined;
  }
}
