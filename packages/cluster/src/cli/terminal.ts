import { wrongUsage } from "./failure.ts";

/** Where a command runs: everything it reads and writes outside the cluster. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  /** What was asked for, and nothing else: programs read it. */
  print(text: string): void;
  /** What is meant for people only. */
  say(text: string): void;
  now(): number;
  randomUuid(): string;
}

/** Longest password that is read; the cluster takes fewer. */
const maxPasswordBytes = 4096;

/**
 * A password, typed at the terminal without echo or, with `fromStdin`, the first line of standard input. Never an
 * argument: arguments show in process lists and shell histories.
 *
 * @throws {CommandFailed} 2: there is no terminal to ask at, or nothing was given
 */
export async function readPassword(terminal: Terminal, prompt: string, fromStdin: boolean): Promise<string> {
  if (!fromStdin && !terminal.stdin.isTTY) {
    throw wrongUsage(
      "There is no terminal to ask for the password.",
      "Run it at a terminal, or give --password-stdin.",
    );
  }
  const password = fromStdin ? await firstLine(terminal.stdin) : await typed(terminal, prompt);
  if (password === "") throw wrongUsage("No password was given.");
  return password;
}

async function firstLine(stdin: NodeJS.ReadStream): Promise<string> {
  let text = "";
  for await (const chunk of stdin.setEncoding("utf8")) {
    text += chunk;
    if (text.includes("\n") || text.length > maxPasswordBytes) break;
  }
  return text.split(/\r?\n/, 1)[0] ?? "";
}

async function typed(terminal: Terminal, prompt: string): Promise<string> {
  const { stdin } = terminal;
  terminal.say(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  let password = "";
  try {
    for await (const chunk of stdin) {
      for (const character of chunk as string) {
        if (character === "\r" || character === "\n" || character === "\u0004") return password;
        if (character === "\u0003") throw wrongUsage("Interrupted.");
        if (character === "\u007f" || character === "\b") password = [...password].slice(0, -1).join("");
        else if (password.length < maxPasswordBytes) password += character;
      }
    }
    return password;
  } finally {
    stdin.setRawMode(false);
    terminal.say("\n");
  }
}
