import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { sealRootChange } from "@postern/protocol";
import { issuerOf, type Signer, toUnixSeconds } from "@postern/token";
import type { Command } from "commander";
import type { ExportedRoot } from "../keys/root-file.ts";
import type { PreparedRoot, Roots, RootsChanged } from "./answers.ts";
import { type Api, get, post } from "./api.ts";
import { examples, jsonOption, topic, withApi } from "./command.ts";
import { CommandFailed, exitCodes, wrongUsage } from "./failure.ts";
import { withFreshLogin } from "./login.ts";
import { ApiRefused } from "./refused.ts";
import type { Terminal } from "./terminal.ts";
import { asJson } from "./text.ts";
import { makeNewFile } from "./token-file.ts";

interface ChangeOptions {
  readonly reason: string;
  readonly signWith?: string;
  readonly newSecondRoot?: string;
  readonly passphraseFile?: string;
  readonly compromised?: true;
  readonly dryRun?: true;
  readonly passwordStdin?: true;
}

export function addRootCommands(key: Command, terminal: Terminal): void {
  const root = topic(key, "root", "The roots that agents pin, and changing them.");

  root
    .command("show")
    .description("Show the roots of now, and whom a change of them concerns.")
    .addOption(jsonOption())
    .addHelpText("after", examples("postern key root show"))
    .action(
      withApi(terminal, async (api, { json }: { json?: true }) => {
        const roots = await get<Roots>(api, "/keys/roots");
        terminal.print(json ? asJson(roots) : rootLines(roots).join(""));
      }),
    );

  root
    .command("change")
    .description(
      "Make a new first root. The root of now signs for it, if the node has its private half; otherwise, or when somebody " +
        "else may have it, the second root does, which is read here and sent nowhere.",
    )
    .requiredOption("--reason <text>", "why; it stands in the audit log")
    .option("--sign-with <file>", 'the second root\'s file ("-" is standard input) signs, instead of the first root')
    .option("--new-second-root <file>", "make a new second root, too, and write it to this file, readable by you only")
    .option("--passphrase-file <file>", "opens the second root's file, and seals the new one")
    .option("--compromised", "somebody else may have the first root of now")
    .option("--dry-run", "say whom it would concern, and do nothing")
    .option("--password-stdin", "read your password from the first line of standard input, should it be asked for")
    .addHelpText(
      "after",
      examples(
        "postern key root change --reason 'a new root every five years' --dry-run",
        "postern key root change --reason 'a new root every five years'",
        "postern key root change --reason 'disk stolen' --compromised --sign-with /media/stick/second-root-key.json --new-second-root /media/stick/second-root-key-2.json",
      ),
    )
    .action(withApi(terminal, (api, options: ChangeOptions) => change(terminal, api, options)));
}

async function change(terminal: Terminal, api: Api, options: ChangeOptions): Promise<void> {
  checkOptions(options);
  const roots = await get<Roots>(api, "/keys/roots");
  terminal.say(concernLines(roots, options).join(""));
  if (options.dryRun) return;
  const passphrase = options.passphraseFile === undefined ? null : await firstLineOf(options.passphraseFile);
  const signer =
    options.signWith === undefined ? null : await openSigner(terminal, options.signWith, passphrase, roots);
  const second = await makeSecondRoot(options.newSecondRoot, passphrase, roots.clusterId);
  const { reason, compromised = false } = options;
  const changed = await withFreshLogin(
    terminal,
    api,
    options.passwordStdin ? { passwordStdin: true } : {},
    async () => {
      const prepared = await post<PreparedRoot>(api, "/keys/roots/prepare", { reason });
      return post<RootsChanged>(api, "/keys/roots/change", {
        reason,
        compromised,
        firstRoot: prepared.kid,
        ...(second && { secondRoot: second.publicJwk }),
        ...(signer && { change: await sign(terminal, signer, prepared, second) }),
      });
    },
  ).catch(async (error: unknown) => {
    // A refusal is certain; after anything else the new root may be in force, and then this is its only copy.
    if (error instanceof ApiRefused) await second?.discard();
    throw error;
  });
  terminal.print(`${changed.roots[0] ?? ""}\n`);
  terminal.say(doneLines(changed, options).join(""));
}

function checkOptions({ signWith, newSecondRoot, compromised, passwordStdin }: ChangeOptions): void {
  if (signWith !== undefined && newSecondRoot === undefined) {
    throw wrongUsage(
      "The second root has left its safe, and is to be replaced in the same step.",
      "Say where the new one is to be written with --new-second-root FILE.",
    );
  }
  if (compromised && signWith === undefined) {
    throw wrongUsage(
      "A root that somebody else may have must not sign for its successor: he could do the same.",
      "Sign with the second root: --sign-with FILE --new-second-root FILE.",
    );
  }
  if (signWith === "-" && passwordStdin) {
    throw wrongUsage("Standard input cannot be both the second root and your password.", "Log in first: postern login");
  }
}

async function openSigner(
  terminal: Terminal,
  path: string,
  passphrase: string | null,
  { clusterId, roots }: Roots,
): Promise<Signer> {
  const { openRootFile } = await import("../keys/root-file.ts");
  const text = path === "-" ? await allOf(terminal.stdin) : await textOf(path);
  const opened = await openRootFile(text, passphrase).catch((error: unknown) => {
    throw error instanceof Error ? wrongUsage(error.message) : error;
  });
  if (opened.clusterId !== clusterId) throw wrongUsage("That is the second root of another cluster.");
  if (!roots.some(({ kid }) => kid === opened.signer.kid)) {
    throw wrongUsage(
      `The root ${opened.signer.kid} is none of this cluster's any more.`,
      "postern key root show names those of now.",
    );
  }
  return opened.signer;
}

interface SecondRoot extends ExportedRoot {
  discard(): Promise<void>;
}

/** On disk before anything is asked of the cluster: there must be no root in force that nobody has. */
async function makeSecondRoot(path: string | undefined, passphrase: string | null, clusterId: string) {
  if (path === undefined) return null;
  const { exportNewRoot } = await import("../keys/root-file.ts");
  const exported = await exportNewRoot(clusterId, randomBytes, passphrase);
  const file = await makeNewFile(path, "--new-second-root");
  try {
    await file.writeFile(exported.text);
    await file.sync();
  } finally {
    await file.close();
  }
  const { rm } = await import("node:fs/promises");
  return { ...exported, discard: () => rm(path, { force: true }) } satisfies SecondRoot;
}

function sign(
  terminal: Terminal,
  signer: Signer,
  prepared: PreparedRoot,
  second: ExportedRoot | null,
): Promise<string> {
  const { clusterId, rootsVersion: ver, kid } = prepared;
  const roots = [kid, second?.kid ?? signer.kid];
  return sealRootChange({ iss: issuerOf(clusterId), ver, iat: toUnixSeconds(terminal.now()), roots }, signer);
}

function rootLines({ roots, rootsVersion, changesLeft, agents, usableActivationKeys }: Roots): string[] {
  const where = ({ isFirst, isHere }: Roots["roots"][number]) =>
    isFirst
      ? `signs trust bundles${isHere ? "" : "; its private half is not on this node"}`
      : isHere
        ? "second root; its private half is on this node, and should not be"
        : "second root, kept elsewhere";
  return [
    ...roots.map((one) => `${one.kid}  ${where(one)}\n`),
    `The roots were changed ${times(rootsVersion)}; ${changesLeft} more can follow.\n`,
    `${agents.behind} of ${agents.count} agents have not acknowledged the newest trust bundle.\n`,
    `${usableActivationKeys} usable activation ${usableActivationKeys === 1 ? "key names" : "keys name"} the first root.\n`,
  ];
}

function concernLines({ agents, usableActivationKeys }: Roots, { signWith }: ChangeOptions): string[] {
  const keys = `${usableActivationKeys} usable activation ${usableActivationKeys === 1 ? "key names" : "keys name"} the first root of now`;
  const lines = [
    "Agents that pin a root of now follow, connected ones at once, the others when they come. It leaves tokens alone.\n",
    `${agents.behind} of ${agents.count} agents have not acknowledged the newest trust bundle.\n`,
  ];
  if (usableActivationKeys === 0) return lines;
  return [
    ...lines,
    signWith === undefined
      ? `${keys}; agents go on enrolling with them.\n`
      : `${keys}, which does not sign this change: agents will refuse to enrol with them. Make new ones afterwards.\n`,
  ];
}

function doneLines({ rootsVersion, trustBundleVersion }: RootsChanged, options: ChangeOptions): string[] {
  const lines = [
    `It is the first root, in trust bundle ${trustBundleVersion}; this was change ${rootsVersion} of the roots.\n`,
    "Its file is in the folder keys of the node that answered. Back that folder up; other nodes sign no trust bundle without a copy of the file.\n",
  ];
  if (options.newSecondRoot !== undefined) {
    lines.push(
      `The new second root is in ${options.newSecondRoot}, ${options.passphraseFile === undefined ? "in the clear" : "sealed by the passphrase"}, and nowhere else. Carry it to a safe place offline, and destroy the old one's copies.\n`,
    );
  }
  if (options.compromised) {
    lines.push("Who had the root may have had the token and config keys beside it: see postern key compromise.\n");
  }
  return lines;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    throw wrongUsage(`The file ${path} cannot be read.`, "Check the path and who may read it.");
  }
}

async function firstLineOf(path: string): Promise<string> {
  const [line = ""] = (await textOf(path)).split(/\r?\n/, 1);
  if (line === "") throw wrongUsage(`The first line of ${path} is empty.`, "Write the passphrase there.");
  return line;
}

/** Far more than such a file has. */
const maxFileChars = 64 * 1024;

async function allOf(stdin: NodeJS.ReadStream): Promise<string> {
  let text = "";
  for await (const chunk of stdin.setEncoding("utf8")) {
    text += chunk;
    if (text.length > maxFileChars) throw new CommandFailed(exitCodes.wrongUsage, "That is not a root's file.");
  }
  return text;
}
