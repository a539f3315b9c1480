import type { Command } from "commander";
import type { SigningKey } from "./answers.ts";
import { list } from "./api.ts";
import { examples, jsonOption, type ListOptions, limitOption, printList, topic, withApi } from "./command.ts";
import { addRootCommands } from "./roots.ts";
import { addKeyChangeCommands } from "./signing-key-changes.ts";
import type { Terminal } from "./terminal.ts";
import type { Column } from "./text.ts";
import { utcTime } from "./times.ts";

const columns: readonly Column<SigningKey>[] = [
  { heading: "KEY ID", value: ({ kid }) => kid },
  { heading: "USE", value: ({ use }) => use },
  { heading: "STATE", value: ({ state, destroyedAt }) => (destroyedAt ? `${state}, destroyed` : state) },
  { heading: "CREATED", value: ({ createdAt }) => utcTime(createdAt) },
];

export function addSigningKeyCommands(program: Command, terminal: Terminal): void {
  const key = topic(program, "key", "The cluster's own keys: roots, and what signs tokens and configs.");
  key
    .command("list")
    .description("List the cluster's keys; private halves never leave it.")
    .option("--use <use>", "only those of this use: root, token, config, audit")
    .option("--state <state>", "only those in this state: active, retiring, retired, compromised")
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText("after", examples("postern key list", "postern key list --use token --state retired"))
    .action(
      withApi(terminal, async (api, { use, state, ...options }: ListOptions & { use?: string; state?: string }) => {
        const { items, more } = await list<SigningKey>(api, "/keys", { use, state }, options.limit);
        const sorted = items.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
        printList(terminal, { items: sorted, more }, options, { columns, none: "No keys." });
      }),
    );
  addKeyChangeCommands(key, terminal);
  addRootCommands(key, terminal);
}

/** A cluster's first keys were made at one time; by use they always stand in the same order. */
function orderOf({ createdAt, use, kid }: SigningKey): string {
  return `${createdAt} ${use} ${kid}`;
}
