import { LineReader, toLine } from "../framing.ts";
import { commandBytes, commandClients, commandIdleMs } from "../limits.ts";
import { ChannelTaken, type CommandListener } from "../ports.ts";
import { kernel32 } from "./kernel32.ts";
import { pipeRetryMs } from "./limits.ts";
import { koffi, WindowsError } from "./native.ts";
import { isCancelled, openedPipe, PipeEnd } from "./pipe-end.ts";
import { serverModes } from "./pipe-opening.ts";
import { withDescriptor } from "./security.ts";

const ERROR_ACCESS_DENIED = 5;
const ERROR_PIPE_BUSY = 231;
/** What Windows says to who is not first: not the first instance, or no room for one more. */
const takenCodes: readonly number[] = [ERROR_ACCESS_DENIED, ERROR_PIPE_BUSY];

/** Serves the command line's program on the named pipe. `descriptor` is the pipe's SDDL. */
export function pipeServer(name: string, descriptor: string): CommandListener {
  return {
    async listen(answer) {
      let closing = false;
      const ends = createInstances(name, descriptor);
      const served = ends.map((end) => serve(end, answer, () => closing));
      return {
        async close() {
          closing = true;
          for (const end of ends) end.cancel();
          await Promise.all(served);
        },
      };
    },
  };
}

/**
 * All instances at once, and each kept for the next client: while any exists the name is ours.
 *
 * @throws {ChannelTaken}
 */
function createInstances(name: string, descriptor: string): PipeEnd[] {
  const ends: PipeEnd[] = [];
  try {
    for (let index = 0; index < commandClients; index++)
      ends.push(new PipeEnd(createInstance(name, descriptor, index === 0)));
  } catch (error) {
    for (const end of ends) end.close();
    if (error instanceof WindowsError && takenCodes.includes(error.code))
      throw new ChannelTaken(`another program holds ${name}`, { cause: error });
    throw error;
  }
  return ends;
}

function createInstance(name: string, descriptor: string, isFirst: boolean): number {
  const modes = serverModes(isFirst);
  return withDescriptor(descriptor, (lpSecurityDescriptor) =>
    openedPipe(
      "CreateNamedPipeW",
      kernel32().CreateNamedPipeW(name, modes.open, modes.pipe, commandClients, commandBytes, commandBytes, 0, {
        nLength: koffi().sizeof("SECURITY_ATTRIBUTES"),
        lpSecurityDescriptor,
        bInheritHandle: 0,
      }),
    ),
  );
}

/** One client after another on one instance. What a client does wrong ends its conversation and nothing else. */
async function serve(
  end: PipeEnd,
  answer: (request: string) => Promise<string>,
  isClosing: () => boolean,
): Promise<void> {
  while (!isClosing()) {
    try {
      await end.connect();
      await converse(end, answer);
    } catch (error) {
      if (!isClosing() && !isCancelled(error)) await pause(pipeRetryMs);
    }
    if (!isClosing()) end.reuse();
  }
  end.close();
}

async function converse(end: PipeEnd, answer: (request: string) => Promise<string>): Promise<void> {
  const request = await end.within(commandIdleMs, () => readLine(end));
  if (request === undefined) return;
  const response = toLine(await answer(request), commandBytes);
  await end.within(commandIdleMs, async () => {
    await end.write(response);
    // Disconnecting would discard what the client has not read yet: it closes when it has.
    while ((await end.read()) !== undefined);
  });
}

/** One line, or undefined when the far end closed before it was whole. */
export async function readLine(end: PipeEnd): Promise<string | undefined> {
  const reader = new LineReader(commandBytes);
  for (let piece = await end.read(); piece !== undefined; piece = await end.read()) {
    const line = reader.push(piece);
    if (line !== undefined) return line;
  }
  return undefined;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
