import type { Socket } from "node:net";

/** Connections whose request may take longer to arrive than others may. */
const patient = new WeakSet<Socket>();

/**
 * Lets the request that is arriving here take its time: the file in it may be large and the line slow. Whoever says this
 * knows who sends it, and gives up by himself when nothing more comes.
 */
export function allowSlowBody(socket: Socket): void {
  patient.add(socket);
}

/** Whether the request that was not there in time may go on. Node asks once for each request. */
export function maySendSlowly(socket: Socket, error: { readonly code?: string }): boolean {
  return error.code === "ERR_HTTP_REQUEST_TIMEOUT" && patient.delete(socket);
}
