import type { Command } from "commander";
import { type Api, apiAt, sessionCookieOf } from "./api.ts";
import { defaultUrl, parseClusterUrl } from "./cluster-url.ts";
import { examples, withApi } from "./command.ts";
import { CommandFailed, exitCodes } from "./failure.ts";
import { isRefusedWith } from "./refused.ts";
import { forgetSession, loadSession, saveSession } from "./session-file.ts";
import { readPassword, readPasswordChange, type Terminal } from "./terminal.ts";
import { visible } from "./text.ts";

interface LoginOptions {
  readonly url?: string;
  readonly passwordStdin?: true;
}

export function addLoginCommands(program: Command, terminal: Terminal): void {
  program
    .command("login")
    .summary("Log in by name and password.")
    .description(
      "Log in by name and password. The session is kept in a file that only you can read, and later commands use it. " +
        "Programs use an API key in POSTERN_API_KEY instead.",
    )
    .argument("<name>", "your user name")
    .option("--url <url>", `address of the cluster (else POSTERN_URL, else ${defaultUrl})`)
    .option("--password-stdin", "read the password from the first line of standard input instead of asking")
    .addHelpText(
      "after",
      examples(
        "postern login admin",
        "postern login --url https://postern.example.com alice",
        "postern login --password-stdin admin < /run/secrets/postern-admin",
      ),
    )
    .action((name: string, options: LoginOptions) => logIn(terminal, name, options));

  program
    .command("logout")
    .description("End the session and forget it.")
    .addHelpText("after", examples("postern logout"))
    .action(() => logOut(terminal));

  program
    .command("passwd")
    .description("Change your own password. Ends your other sessions.")
    .option("--password-stdin", "read two lines of standard input: the password of now, and the new one")
    .addHelpText("after", examples("postern passwd"))
    .action(
      withApi(terminal, async (api, { passwordStdin = false }: { passwordStdin?: boolean }) => {
        const { password, newPassword } = await readPasswordChange(terminal, passwordStdin);
        await api.request("PUT", "/session/password", { body: { password, newPassword } });
        terminal.say("You have a new password.\n");
      }),
    );
}

async function logIn(terminal: Terminal, name: string, options: LoginOptions): Promise<void> {
  const url = parseClusterUrl(options.url ?? (terminal.env["POSTERN_URL"] || defaultUrl));
  const question = `Password of ${visible(name)} at ${url}: `;
  const password = await readPassword(terminal, question, options.passwordStdin ?? false);
  const api = apiAt(terminal, url, { kind: "none" });
  const answer = await api.request("POST", "/session", { body: { name, password } });
  const cookie = sessionCookieOf(answer.headers);
  if (cookie === undefined) throw new CommandFailed(exitCodes.unreachable, `${url} gave no session.`);
  await saveSession(terminal.env, { url, name, cookie });
  terminal.say(`Logged in at ${url} as ${visible(name)}.\n`);
}

async function logOut(terminal: Terminal): Promise<void> {
  const session = await loadSession(terminal.env).catch(() => undefined);
  await forgetSession(terminal.env);
  if (!session) return terminal.say("Nobody was logged in.\n");
  try {
    await apiAt(terminal, session.url, { kind: "session", session }).request("DELETE", "/session");
  } catch (error) {
    if (!isRefusedWith(error, "unauthenticated")) throw error; // it had ended by itself
  }
  terminal.say(`Logged out at ${session.url}.\n`);
}

/**
 * Does something that a log-in older than 15 minutes must not do without the password: asks for it when the cluster
 * wants it, confirms it, and does it again.
 *
 * @param beforeAsking tells what there is to know before one gives the password for it
 */
export async function withFreshLogin<Result>(
  terminal: Terminal,
  api: Api,
  options: { readonly passwordStdin?: true },
  action: () => Promise<Result>,
  beforeAsking: () => Promise<void> = async () => {},
): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    if (!isRefusedWith(error, "reauthentication_required") || api.credentials.kind !== "session") throw error;
    await beforeAsking();
    const { name } = api.credentials.session;
    const question = `Your log-in is older than 15 minutes. Password of ${visible(name)} at ${api.url}: `;
    const password = await readPassword(terminal, question, options.passwordStdin ?? false);
    await api.request("POST", "/session/reauthenticate", { body: { password } });
    return action();
  }
}
