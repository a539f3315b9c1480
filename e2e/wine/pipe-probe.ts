/**
 * What a foreign program can do to the service's pipe. Runs on Windows' Node beside koffi.
 *
 *     stall COUNT   opens that many connections, prints "stalled" and says nothing on them
 *     say LINE...   sends each line on a connection of its own, and prints the answers, one a line
 *     flood BYTES   sends that many bytes without an end of line, and prints how it ended and after how many ms
 *     squat         takes the pipe's name, prints "taken", and prints each line that anybody sends to it
 */
import { kernel32 } from "../../packages/agent/src/windows/kernel32.ts";
import { pipeClient } from "../../packages/agent/src/windows/pipe-client.ts";
import { isFarEndGone, openedPipe, PipeEnd } from "../../packages/agent/src/windows/pipe-end.ts";
import { pipeServer } from "../../packages/agent/src/windows/pipe-server.ts";
import { pipeDescriptor } from "../../packages/agent/src/windows/security-descriptors.ts";
import { pipeName, serviceName } from "../../packages/agent/src/windows/service-name.ts";

const readAndWrite = 0x12019b;
const openExisting = 3;
const overlapped = 0x40000000;

const [mode, amount] = process.argv.slice(2);
setInterval(() => {}, 60_000);
if (mode === "stall") {
  for (let opened = 0; opened < Number(amount); opened++) open();
  console.log("stalled");
} else if (mode === "say") {
  const send = pipeClient(pipeName, serviceName);
  for (const line of process.argv.slice(3)) console.log(await send(line));
  process.exit(0);
} else if (mode === "flood") {
  const began = performance.now();
  console.log(`${await flood(Number(amount))} ${Math.round(performance.now() - began)}`);
  process.exit(0);
} else {
  await pipeServer(pipeName, pipeDescriptor).listen(async (line) => {
    console.log(line);
    return "{}";
  });
  console.log("taken");
}

function open(): PipeEnd {
  const { CreateFileW } = kernel32();
  return new PipeEnd(
    openedPipe("CreateFileW", CreateFileW(pipeName, readAndWrite, 0, null, openExisting, overlapped, 0)),
  );
}

async function flood(bytes: number): Promise<string> {
  const end = open();
  try {
    await end.write(Buffer.alloc(bytes, "x"));
    return (await end.read()) === undefined ? "closed" : "answered";
  } catch (error) {
    if (isFarEndGone(error)) return "closed";
    throw error;
  }
}
