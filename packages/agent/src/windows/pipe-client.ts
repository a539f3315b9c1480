import { toLine } from "../framing.ts";
import { commandBytes, commandIdleMs, commandTimeoutMs } from "../limits.ts";
import { type SendCommand, ServiceUnreachable } from "../ports.ts";
import { kernel32 } from "./kernel32.ts";
import { pipeRetryMs } from "./limits.ts";
import { type Handle, succeed, WindowsError } from "./native.ts";
import { openedPipe, PipeEnd } from "./pipe-end.ts";
import { clientOpening } from "./pipe-opening.ts";
import { readLine } from "./pipe-server.ts";
import { serviceProcessId } from "./service-control.ts";

const OPEN_EXISTING = 3;
const ERROR_PIPE_BUSY = 231;

/** Sends one command to the service `serviceName` over its pipe. */
export function pipeClient(name: string, serviceName: string): SendCommand {
  return async (request) => {
    const line = toLine(request, commandBytes);
    const handle = await connect(name);
    const end = new PipeEnd(handle);
    try {
      refuseForeignServer(handle, serviceName);
      return await exchange(end, line);
    } finally {
      end.close();
    }
  };
}

/** Opens the pipe, waiting a moment for one of its instances to be free. */
async function connect(name: string): Promise<Handle> {
  for (let waited = 0; ; waited += pipeRetryMs) {
    try {
      return openedPipe(
        "CreateFileW",
        kernel32().CreateFileW(name, clientOpening.rights, 0, null, OPEN_EXISTING, clientOpening.flags, 0),
      );
    } catch (error) {
      const busy = error instanceof WindowsError && error.code === ERROR_PIPE_BUSY;
      if (!busy || waited >= commandIdleMs)
        throw new ServiceUnreachable("the service does not answer on its pipe", { cause: error });
      await new Promise((resolve) => setTimeout(resolve, pipeRetryMs));
    }
  }
}

/**
 * A token must not reach a program that merely took the pipe's name: the pipe's server has to be the very process that
 * the service manager runs our service in.
 *
 * @throws {ServiceUnreachable} nothing has been sent
 */
function refuseForeignServer(handle: Handle, serviceName: string): void {
  const server: [number | null] = [null];
  let service: number;
  try {
    succeed("GetNamedPipeServerProcessId", kernel32().GetNamedPipeServerProcessId(handle, server));
    service = serviceProcessId(serviceName);
  } catch (error) {
    throw new ServiceUnreachable("the service manager does not know the service", { cause: error });
  }
  if (service === 0 || server[0] !== service)
    throw new ServiceUnreachable("the program on the service's pipe is not the service");
}

async function exchange(end: PipeEnd, line: Buffer): Promise<string> {
  let answer: string | undefined;
  try {
    answer = await end.within(commandTimeoutMs, async () => {
      await end.write(line);
      return await readLine(end);
    });
  } catch (error) {
    throw new ServiceUnreachable("the service did not answer", { cause: error });
  }
  if (answer === undefined) throw new ServiceUnreachable("the service closed the conversation without an answer");
  return answer;
}
