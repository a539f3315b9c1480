import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { LineReader, toLine } from "../framing.ts";
import { commandBytes, commandClients, commandIdleMs, commandTimeoutMs } from "../limits.ts";
import { AlreadyRunning, type CommandListener, type SendCommand, ServiceUnreachable } from "../ports.ts";

const ownerOnly = 0o600;

/** The service's end: a Unix socket that its owner alone may use. */
export function socketListener(path: string): CommandListener {
  return {
    async listen(answer) {
      if (await isAnswered(path)) throw new AlreadyRunning("another process is this folder's service");
      rmSync(path, { force: true });
      const clients = new Set<Socket>();
      const server = createServer((client) => {
        if (clients.size >= commandClients) {
          client.destroy();
          return;
        }
        clients.add(client);
        client.once("close", () => clients.delete(client));
        void serve(client, answer);
      });
      // The folder is closed to others, so nobody comes between making the socket and closing it.
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(path, resolve);
      });
      chmodSync(path, ownerOnly);
      return {
        close() {
          for (const client of clients) client.destroy();
          return new Promise((resolve) => server.close(() => resolve()));
        },
      };
    },
  };
}

/** The command line's end. */
export function socketClient(path: string): SendCommand {
  return async (request) => {
    const client = connect(path);
    try {
      const line = readLine(client, commandTimeoutMs);
      client.write(toLine(request, commandBytes));
      return await line;
    } catch (error) {
      throw new ServiceUnreachable("the service does not answer on its socket", { cause: error });
    } finally {
      client.destroy();
    }
  };
}

async function serve(client: Socket, answer: (request: string) => Promise<string>): Promise<void> {
  try {
    const request = await readLine(client, commandIdleMs);
    client.setTimeout(0);
    client.end(toLine(await answer(request), commandBytes));
  } catch {
    // Too long, too slow, or gone: there is nobody to tell.
    client.destroy();
  }
}

function readLine(socket: Socket, idleMs: number): Promise<string> {
  const reader = new LineReader(commandBytes);
  return new Promise((resolve, reject) => {
    socket.setTimeout(idleMs, () => reject(new Error("nothing came")));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed before the line's end")));
    socket.on("data", (piece: Buffer) => {
      try {
        const line = reader.push(piece);
        if (line !== undefined) resolve(line);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}
