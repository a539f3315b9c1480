import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";

/**
 * Lets connections go at a shutdown on which nothing was ever asked, such as those that browsers open ahead. Node counts
 * them neither as idle nor as busy, and closing the server would wait a minute for them.
 */
export function endUnusedConnections(app: FastifyInstance, overTls: boolean): void {
  const unused = new Set<Socket>();
  let closing = false;
  const keep = (socket: Socket) => {
    if (closing) {
      socket.destroy();
      return;
    }
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  };
  // Over TLS a connection is there once its handshake is done; before that, TLS has a time limit of its own.
  app.server.on(overTls ? "secureConnection" : "connection", keep);
  app.server.on("request", ({ socket }: IncomingMessage) => unused.delete(socket));
  app.addHook("preClose", async () => {
    closing = true;
    for (const socket of unused) socket.destroy();
  });
}
