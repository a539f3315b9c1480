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

/** Longest password that is read; the cluster takes no longer ones. */
const maxPasswordChars = 1_024;

/**
 * A password, typed at the terminal without echo or, with `fromStdin`, the first line of standard input. Never an
 * argument: arguments show in process lists and shell histories.
 *
 * @throws {CommandFailed} 2: there is no terminal to ask at, or nothing was given
 */
export async function readPassword(terminal: Terminal, prompt: string, fromStdin: boolean): Promise<string> {
  return given(fromStdin ? (await firstLines(terminal.stdin, 1))[0] : await typed(terminal, prompt));
}

/** A new password, typed twice, or the first line of standard input. @throws {CommandFailed} 2: also when they differ */
export async function readNewPassword(terminal: Terminal, whose: string, fromStdin: boolean): Promise<string> {
  const password = await readPassword(terminal, `New password of ${whose}: `, fromStdin);
  if (!fromStdin && (await typed(terminal, "The same once more: ")) !== password) {
    throw wrongUsage("The two passwords differ.", "Nothing was changed; run it again.");
  }
  return password;
}

/** The password of now and a new one, typed, or the first two lines of standard input. @throws {CommandFailed} 2 */
export async function readPasswordChange(terminal: Terminal, fromStdin: boolean) {
  if (fromStdin) {
    const [password, newPassword] = await firstLines(terminal.stdin, 2);
    return { password: given(password), newPassword: given(newPassword) };
  }
  const password = await readPassword(terminal, "Your password of now: ", false);
  return { password, newPassword: await readNewPassword(terminal, "yours", false) };
}

function given(password: string | undefined): string {
  if (!password) throw wrongUsage("No password was given.", "Nothing was changed; run it again.");
  return password;
}

async function firstLines(stdin: NodeJS.ReadStream, count: number): Promise<string[]> {
  let text = "";
  for await (const chunk of stdin.setEncoding("utf8")) {
    text += chunk;
    if (text.split("\n").length > count || text.length > maxPasswordChars * count) break;
  }
  return text.split(/\r?\n/).slice(0, count);
}

async function typed(terminal: Terminal, prompt: string): Promise<string> {
  const { stdin } = terminal;
  if (!stdin.isTTY) {
    throw wrongUsage(
      "There is no terminal to ask for the password.",
      "Run it at a terminal, or give --password-stdin.",
    );
  }
  stdin.setRawMode(true); // before the question shows: people type at once
  stdin.setEncoding("utf8");
  terminal.say(prompt);
  let password = "";
  try {
    // Left open, since a second question may follow.
    for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
      for (const character of chunk as string) {
        if (character === "\r" || character === "\n" || character === "\u0004") return password;
        if (character === "\u0003") throw wrongUsage("Interrupted.");
        if (character === "\u007f" || character === "\b") password = [...password].slice(0, -1).join("");
        else if (password.length < maxPasswordChars) password += character;
      }
    }
    return password;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    terminal.say("\n");
  }
}
