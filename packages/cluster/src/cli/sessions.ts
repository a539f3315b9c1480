import type { Command } from "commander";
import type { Session } from "./answers.ts";
import { type Api, list } from "./api.ts";
import { examples, jsonOption, type ListOptions, limitOption, printList, topic, withApi } from "./command.ts";
import { wrongUsage } from "./failure.ts";
import { findUser } from "./find.ts";
import type { Terminal } from "./terminal.ts";
import { visible } from "./text.ts";
import { utcTime } from "./times.ts";

interface EndOptions {
  readonly others?: true;
  readonly user?: string;
}

export function addSessionCommands(program: Command, terminal: Terminal): void {
  const session = topic(program, "session", "Sessions: where you are logged in.");

  session
    .command("list")
    .description("List your own sessions.")
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText("after", examples("postern session list"))
    .action(withApi(terminal, (api, options: ListOptions) => listSessions(terminal, api, options)));

  session
    .command("end")
    .description("End one of your own sessions, all but this one, or, as an administrator, all of a user.")
    .argument("[session]", "its id")
    .option("--others", "all your own sessions but this one")
    .option("--user <user>", "all sessions of this user, by name or id")
    .addHelpText(
      "after",
      examples(
        "postern session end 01a20cca-396f-7526-a044-6bea4080884d",
        "postern session end --others",
        "postern session end --user bob",
      ),
    )
    .action(withApi(terminal, (api, id: string | undefined, options: EndOptions) => end(terminal, api, id, options)));
}

async function listSessions(terminal: Terminal, api: Api, options: ListOptions): Promise<void> {
  const listed = await list<Session>(api, "/sessions", {}, options.limit);
  printList(terminal, listed, options, {
    columns: [
      { heading: "ID", value: ({ id }) => id },
      { heading: "FROM", value: ({ address }) => address ?? undefined },
      { heading: "SINCE", value: ({ createdAt }) => utcTime(createdAt) },
      { heading: "LAST USED", value: ({ seenAt }) => utcTime(seenAt) },
      { heading: "ENDS", value: ({ endsAt }) => utcTime(endsAt) },
      { heading: "THIS ONE", value: ({ current }) => (current ? "yes" : "no") },
    ],
    none: "No sessions.",
  });
}

async function end(terminal: Terminal, api: Api, id: string | undefined, { others, user }: EndOptions): Promise<void> {
  if ([id, others, user].filter((one) => one !== undefined).length !== 1) {
    throw wrongUsage("Say which session: its id, --others, or --user.", "postern session list shows yours.");
  }
  if (user !== undefined) {
    const found = await findUser(api, user);
    await api.request("DELETE", `/users/${found.id}/sessions`);
    return terminal.say(`Ended the sessions of ${visible(found.name)}.\n`);
  }
  if (id === undefined) {
    await api.request("DELETE", "/sessions");
    return terminal.say("Ended your other sessions.\n");
  }
  await api.request("DELETE", `/sessions/${encodeURIComponent(id)}`);
  terminal.say("Ended the session.\n");
}
