/** Where a token comes from. */
export type TokenSource =
  | { readonly from: "argument"; readonly token: string }
  | { readonly from: "file"; readonly path: string }
  | { readonly from: "stdin" };

/** What the installer runs, and people as a rule do not. */
export type InstallerStep = "guard-check" | "wait-stopped" | "folder-check" | "remove-data" | "installer-done";

/** What somebody typed, understood. `dataFolder` is heeded where the folder is not fixed. */
export type Invocation = { readonly dataFolder?: string } & (
  | { readonly run: "unprotect" | "explain"; readonly source: TokenSource }
  | { readonly run: "protect" | "challenge" | "version" | "service" | Exclude<InstallerStep, "guard-check"> }
  | { readonly run: "guard-check"; readonly package?: string }
  | { readonly run: "status"; readonly json: boolean }
  | {
      readonly run: "enroll";
      readonly cluster: string;
      readonly key: string | { readonly from: "stdin" };
      readonly caFile?: string;
      readonly proxy?: string;
    }
  | { readonly run: "help"; readonly about?: string }
);

/** The message is a sentence that says what to type instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const installerSteps: readonly InstallerStep[] = [
  "guard-check",
  "wait-stopped",
  "folder-check",
  "remove-data",
  "installer-done",
];
const commands: readonly string[] = [
  "unprotect",
  "protect",
  "status",
  "challenge",
  "explain",
  "enroll",
  "version",
  "help",
  "service",
  ...installerSteps,
];
const flagPattern = /^--?([a-z]+(?:-[a-z]+)*)$/i;
const withValue = new Set(["file", "cluster", "key", "ca", "proxy", "data", "package"]);
const allowed: Readonly<Record<string, readonly string[]>> = {
  unprotect: ["file"],
  explain: ["file"],
  status: ["json"],
  enroll: ["cluster", "key", "ca", "proxy"],
  "guard-check": ["package"],
};

/**
 * Understands a command line: one command, `-flag` or `--flag` alike.
 *
 * @throws {UsageError}
 */
export function parseArguments(argv: readonly string[]): Invocation {
  const { flags, values } = sort(argv);
  const given = commands.filter((command) => flags.has(command));
  const asked = given.filter((command) => command !== "help");
  if (flags.has("help") || argv.length === 0) {
    const about = asked[0] ?? values.find((value) => commands.includes(value));
    return { run: "help", ...(about === undefined ? {} : { about }) };
  }
  const [run] = asked;
  if (run === undefined) throw new UsageError("No command was given. Run with -help to see what there is.");
  if (asked.length > 1)
    throw new UsageError(`-${asked[0]} and -${asked[1]} cannot be used together; give one command.`);
  for (const flag of flags.keys()) {
    if (flag !== run && flag !== "data" && !(allowed[run] ?? []).includes(flag)) {
      throw new UsageError(`-${flag} does not belong to -${run}. Run with -help ${run} to see what does.`);
    }
  }
  const folder = flags.get("data");
  return { ...understand(run, flags, values), ...(folder === undefined ? {} : { dataFolder: folder }) };
}

function understand(run: string, flags: ReadonlyMap<string, string>, values: readonly string[]): Invocation {
  switch (run) {
    case "unprotect":
    case "explain":
      return { run, source: tokenSource(run, flags.get("file"), values) };
    case "enroll":
      refuseValues(run, values);
      return enrolment(flags);
    case "status":
      refuseValues(run, values);
      return { run, json: flags.has("json") };
    case "protect":
    case "challenge":
    case "version":
    case "service":
    case "folder-check":
    case "remove-data":
    case "installer-done":
    case "wait-stopped":
      refuseValues(run, values);
      return { run };
    case "guard-check": {
      refuseValues(run, values);
      const named = flags.get("package");
      return { run, ...(named === undefined ? {} : { package: named }) };
    }
    default:
      throw new UsageError(`-${run} is not a command. Run with -help to see what there is.`);
  }
}

function tokenSource(run: string, path: string | undefined, values: readonly string[]): TokenSource {
  const [token, ...more] = values;
  if (path !== undefined) {
    if (token !== undefined) throw new UsageError("Give the token or -file PATH, not both.");
    return { from: "file", path };
  }
  if (token === undefined) {
    throw new UsageError(
      `-${run} needs a token: -${run} <token>, or -${run} -file PATH, or -${run} - to read it from standard input.`,
    );
  }
  // Broken over several lines by a mail program, or pasted with a space in it: nothing else has several words.
  if (more.length > 0)
    throw new UsageError("A token is one word without spaces. Save it to a file and use -file PATH.");
  return token === "-" ? { from: "stdin" } : { from: "argument", token };
}

function enrolment(flags: ReadonlyMap<string, string>): Invocation {
  const cluster = flags.get("cluster");
  const key = flags.get("key");
  if (cluster === undefined || key === undefined) {
    throw new UsageError("-enroll needs -cluster URL and -key KEY (or -key - to read the key from standard input).");
  }
  const ca = flags.get("ca");
  const proxy = flags.get("proxy");
  return {
    run: "enroll",
    cluster,
    key: key === "-" ? { from: "stdin" } : key,
    ...(ca === undefined ? {} : { caFile: ca }),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

function refuseValues(run: string, values: readonly string[]): void {
  if (values.length > 0)
    throw new UsageError(`-${run} takes no such value. Run with -help ${run} to see what it takes.`);
}

function isFlag(word: string): boolean {
  const flag = flagPattern.exec(word)?.[1]?.toLowerCase();
  return flag !== undefined && (withValue.has(flag) || commands.includes(flag) || flag === "json");
}

/** Flags with their values, and what stands alone. */
function sort(argv: readonly string[]): { flags: Map<string, string>; values: string[] } {
  const flags = new Map<string, string>();
  const values: string[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const flag = flagPattern.exec(word)?.[1]?.toLowerCase();
    if (flag === undefined) {
      values.push(word);
    } else if (withValue.has(flag)) {
      const value = rest.shift();
      // `-enroll -cluster -key KEY`: the value was forgotten, and the next flag is not it.
      if (value === undefined || value === "" || isFlag(value))
        throw new UsageError(`-${flag} needs a value after it.`);
      flags.set(flag, value);
    } else if (commands.includes(flag) || flag === "json") {
      flags.set(flag, "");
    } else {
      throw new UsageError(`-${flag} is not known. Run with -help to see what there is.`);
    }
  }
  return { flags, values };
}
