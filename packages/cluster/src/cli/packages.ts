import { constants, openAsBlob } from "node:fs";
import { access } from "node:fs/promises";
import type { Command } from "commander";
import type { AgentPackage } from "./answers.ts";
import { type Api, jsonOf, list } from "./api.ts";
import { examples, jsonOption, type ListOptions, limitOption, printList, topic, withApi } from "./command.ts";
import { downloadTo } from "./download.ts";
import { wrongUsage } from "./failure.ts";
import { pickOne } from "./find.ts";
import type { Terminal } from "./terminal.ts";
import { type Column, visible } from "./text.ts";
import { utcTime } from "./times.ts";

/** Packages are large and lines slow; the cluster gives up sooner when nothing more comes. */
const uploadWithinMs = 60 * 60_000;
const listedBy = "postern package list";

const columns: readonly Column<AgentPackage>[] = [
  { heading: "ID", value: ({ id }) => id },
  { heading: "VERSION", value: ({ version }) => version },
  { heading: "FOR", value: ({ platform, arch }) => `${platform} ${arch}` },
  { heading: "SIZE", value: ({ size }) => sizeText(size) },
  { heading: "SHA-256", value: ({ sha256 }) => sha256 },
  { heading: "ADDED", value: ({ addedAt }) => utcTime(addedAt) },
  { heading: "BY", value: ({ addedBy }) => addedBy.name },
];

export function addPackageCommands(program: Command, terminal: Terminal): void {
  const topicOfPackages = topic(
    program,
    "package",
    "Agent packages: the files with which agents are installed and updated.",
  );

  topicOfPackages
    .command("list")
    .description("List the packages, the newest version first.")
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText("after", examples("postern package list", "postern package list --json"))
    .action(
      withApi(terminal, async (api, options: ListOptions) => {
        const listed = await list<AgentPackage>(api, "/agent-packages", {}, options.limit);
        printList(terminal, listed, options, { columns, none: "No packages." });
      }),
    );

  topicOfPackages
    .command("add")
    .description(
      "Add a package. Its version is read from it. Agents whose profile wants that version are told at once. Prints its id.",
    )
    .argument("<file>", "PosternAgent.msi, as it was built or released")
    .option("--version <version>", "refuse the file when it is of another version")
    .addHelpText(
      "after",
      examples("postern package add PosternAgent.msi", "postern package add PosternAgent.msi --version 1.4.2"),
    )
    .action(
      withApi(terminal, async (api, path: string, { version }: { version?: string }) => {
        const file = await openFile(path);
        terminal.say(`Sending ${visible(path)} (${sizeText(file.size)}) …\n`);
        const options = { file, query: { version }, timeoutMs: uploadWithinMs };
        const answer = await api.request("POST", "/agent-packages", options);
        const added: AgentPackage = jsonOf(api, answer);
        terminal.print(`${added.id}\n`);
        terminal.say(
          answer.status === 200
            ? `This very file is here already, as version ${added.version}.\n`
            : `Added the package of version ${added.version} (SHA-256 ${added.sha256}).\n`,
        );
      }),
    );

  topicOfPackages
    .command("remove")
    .description("Remove a package. Agents stay of the version that they have.")
    .argument("<package>", "its version or id")
    .option("--force", "also while profiles want its version of their agents")
    .addHelpText("after", examples("postern package remove 1.3.0", "postern package remove 1.3.0 --force"))
    .action(
      withApi(terminal, async (api, typed: string, { force }: { force?: true }) => {
        const { id, version } = await findPackage(api, typed);
        await api.request("DELETE", `/agent-packages/${id}`, { query: { force: force && "true" } });
        terminal.say(`Removed the package of version ${version}.\n`);
      }),
    );

  topicOfPackages
    .command("download")
    .description("Get a package's file, to install an agent with.")
    .argument("<package>", "its version or id")
    .option("--out <file>", "where it is written (PosternAgent-VERSION.msi)")
    .addHelpText("after", examples("postern package download 1.4.2", "postern package download 1.4.2 --out agent.msi"))
    .action(
      withApi(terminal, async (api, typed: string, { out }: { out?: string }) => {
        const { id, version } = await findPackage(api, typed);
        const path = out ?? `PosternAgent-${version}.msi`;
        await downloadTo(terminal, api, `/agent-packages/${id}/download`, {}, path, `The package of ${version} is`);
      }),
    );
}

async function findPackage(api: Api, typed: string): Promise<AgentPackage> {
  const { items } = await list<AgentPackage>(api, "/agent-packages", {}, 500);
  const byId = items.find(({ id }) => id === typed);
  if (byId !== undefined) return byId;
  return pickOne(items, {
    noun: "package",
    typed,
    nameOf: ({ version }) => version,
    describe: ({ id, version, platform, arch }) => `${version}  ${platform} ${arch}  ${id}`,
    listedBy,
  });
}

function sizeText(bytes: number): string {
  return bytes < 100_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Read as it is sent, and not before. @throws {CommandFailed} 2 */
async function openFile(path: string): Promise<Blob> {
  try {
    await access(path, constants.R_OK);
    return await openAsBlob(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw wrongUsage(`The file ${visible(path)} cannot be read (${code}).`, "Check its name, and who may read it.");
  }
}
