import type { Command } from "commander";
import type { SigningKey } from "./answers.ts";
import { list } from "./api.ts";
import { examples, jsonOption, type ListOptions, limitOption, printList, topic, withApi } from "./command.ts";
import type { Terminal } from "./terminal.ts";
import type { Column } from "./text.ts";
import { utcTime } from "./times.ts";

const columns: readonly Column<SigningKey>[] = [
  { heading: "KEY ID", value: ({ kid }) => kid },
  { heading: "USE", value: ({ use }) => use },
  { heading: "STATE", value: ({ state }) => state },
  { heading: "CREATED", value: ({ createdAt }) => utcTime(createdAt) },
];

export function addSigningKeyCommands(program: Command, terminal: Terminal): void {
  topic(program, "key", "The cluster's own keys: roots, and what signs tokens and configs.")
    .command("list")
    .description("List the cluster's keys; private halves never leave it.")
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText("after", examples("postern key list"))
    .action(
      withApi(terminal, async (api, options: ListOptions) => {
        const listed = await list<SigningKey>(api, "/keys", {}, options.limit);
        printList(terminal, listed, options, { columns, none: "No keys." });
      }),
    );
}
