import type { Command } from "commander";
import type { ClusterUrls } from "./answers.ts";
import { type Api, get, jsonOf } from "./api.ts";
import { examples, jsonOption, topic, withApi } from "./command.ts";
import { withFreshLogin } from "./login.ts";
import type { Terminal } from "./terminal.ts";
import { asDetail, asJson, visible } from "./text.ts";
import { localTime, utcTime } from "./times.ts";

interface FreshLogin {
  readonly passwordStdin?: true;
}

export function addClusterCommands(program: Command, terminal: Terminal): void {
  const cluster = topic(program, "cluster", "The cluster as a whole.");
  const urls = topic(cluster, "urls", "The addresses at which agents are told to find the cluster.");

  urls
    .command("show", { isDefault: true })
    .description("Show the addresses that agents are told, and those before.")
    .addOption(jsonOption())
    .addHelpText("after", examples("postern cluster urls show", "postern cluster urls show --json"))
    .action(
      withApi(terminal, async (api, { json }: { json?: true }) => {
        const now = await get<ClusterUrls>(api, "/cluster/urls");
        terminal.print(json ? asJson(now) : detailOf(now));
      }),
    );

  urls
    .command("set")
    .description(
      "Tell every agent other addresses. Agents try the first one first, and come back to the address that they had until the " +
        "cluster has answered at a new one. Asks for your password when your log-in is old.",
    )
    .argument("<url...>", "one to four addresses, the first one first")
    .option("--password-stdin", "read your password from the first line of standard input, when it is asked for")
    .addHelpText(
      "after",
      examples(
        "postern cluster urls set https://postern.example.com",
        "postern cluster urls set https://new.example.com https://old.example.com",
      ),
    )
    .action(
      withApi(terminal, (api, typed: readonly string[], options: FreshLogin) => change(terminal, api, typed, options)),
    );

  urls
    .command("clear")
    .description("Tell agents no addresses: each stays with the one that it has.")
    .option("--password-stdin", "read your password from the first line of standard input, when it is asked for")
    .addHelpText("after", examples("postern cluster urls clear"))
    .action(withApi(terminal, (api, options: FreshLogin) => change(terminal, api, [], options)));
}

async function change(terminal: Terminal, api: Api, urls: readonly string[], options: FreshLogin): Promise<void> {
  const before = await get<ClusterUrls>(api, "/cluster/urls");
  const send = async () => jsonOf<ClusterUrls>(api, await api.request("PUT", "/cluster/urls", { body: { urls } }));
  const tellBefore = async () => terminal.say(`Agents are told now: ${listed(before.urls)}.\n`);
  const after = await withFreshLogin(terminal, api, options, send, tellBefore);
  terminal.print(detailOf(after));
  const back = before.urls.length === 0 ? "clear" : `set ${before.urls.join(" ")}`;
  terminal.say(`The way back: postern cluster urls ${visible(back)}\n`);
}

function detailOf({ urls, urlsBefore, changedAt, changedBy }: ClusterUrls): string {
  return asDetail([
    ["agents are told", listed(urls)],
    ["before", changedAt === null ? undefined : listed(urlsBefore)],
    ["changed", changedAt === null ? undefined : `${localTime(changedAt)} (${utcTime(changedAt)}) by ${changedBy}`],
  ]);
}

function listed(urls: readonly string[]): string {
  return urls.length === 0 ? "none: each stays with the one that it has" : urls.join(", ");
}
