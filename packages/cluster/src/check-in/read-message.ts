import { MessageRefused } from "@postern/protocol";
import { Problem } from "../http/problems.ts";

/** Runs the reading of a signed message. @throws {Problem} message_refused, saying which rule it broke */
export function readMessage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MessageRefused) throw new Problem("message_refused", sentenceOf(error), { cause: error });
    throw error;
  }
}

function sentenceOf({ message }: MessageRefused): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
