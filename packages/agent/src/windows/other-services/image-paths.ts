/** What is needed to read a service's command line as Windows would. */
export interface WindowsFolders {
  /** `C:\Windows`. */
  readonly windows: string;
  /** A variable of the environment, by its name in any case. */
  variable(name: string): string | undefined;
}

/**
 * The absolute paths that the program of a service's command line may have, as Windows tries them: the quoted one, or
 * every beginning of an unquoted line that ends at a space. Undefined when it cannot be said on which drive it lies:
 * another computer, a device, an unknown variable, a program that would have to be searched for.
 */
export function imagePaths(command: string, folders: WindowsFolders): readonly string[] | undefined {
  const line = command.trim();
  const texts = line.startsWith('"') ? [line.slice(1).split('"', 1)[0] ?? ""] : beginningsOf(line);
  const paths = texts.map((text) => absolutePath(text, folders));
  // All begin alike, so one that cannot be read is as good as all of them.
  return paths.length > 0 && paths.every((path) => path !== undefined) ? (paths as string[]) : undefined;
}

function beginningsOf(line: string): string[] {
  const words = line.split(/[ \t]/);
  return words.map((_, at) => words.slice(0, at + 1).join(" ")).filter((text) => text.trim() !== "");
}

function absolutePath(text: string, folders: WindowsFolders): string | undefined {
  const expanded = expandVariables(text.replaceAll("/", "\\"), folders);
  if (expanded === undefined) return undefined;
  const path = expanded
    .replace(/^\\(?:\?\?|\\\?|\\\.)\\(?=[a-z]:)/i, "")
    .replace(/^\\SystemRoot(?=\\)/i, () => folders.windows)
    // As the service manager has it of drivers: beneath the Windows folder.
    .replace(/^System32(?=\\)/i, () => `${folders.windows}\\System32`);
  const rooted = /^\\(?![\\?])(?!Device\\|GLOBAL)/i.test(path) ? `${folders.windows.slice(0, 2)}${path}` : path;
  return /^[a-z]:\\/i.test(rooted) ? withoutDots(rooted) : undefined;
}

function expandVariables(text: string, folders: WindowsFolders): string | undefined {
  let unknown = false;
  const expanded = text.replace(/%([^%]+)%/g, (_, name: string) => {
    const value = variableOf(name.toLowerCase(), folders);
    unknown ||= value === undefined;
    return value?.replaceAll("/", "\\") ?? "";
  });
  return unknown ? undefined : expanded;
}

/** Those of Windows itself are not asked of the environment, which an administrator can change. */
function variableOf(name: string, { windows, variable }: WindowsFolders): string | undefined {
  if (name === "systemroot" || name === "windir") return windows;
  if (name === "systemdrive") return windows.slice(0, 2);
  return variable(name);
}

/** `.`, `..`, doubled separators, and the dots and spaces at the end of a name that Windows leaves out. */
function withoutDots(path: string): string {
  const [drive = "", ...names] = path.split("\\");
  const kept: string[] = [];
  for (const name of names) {
    if (name === "..") kept.pop();
    else {
      const real = name.replace(/[. ]+$/, "");
      if (real !== "") kept.push(real);
    }
  }
  return [drive, ...kept].join("\\");
}

/** Folders of the Windows folder in which Windows' own programs lie; what lies in that folder itself may be anybody's. */
const foldersOfWindows = ["system32", "syswow64", "sysnative", "sysarm32", "winsxs", "servicing", "systemapps"];

/** Whether a path leads into a folder of Windows' own programs. */
export function isOfWindows(path: string, { windows }: Pick<WindowsFolders, "windows">): boolean {
  const [lower, root] = [path.toLowerCase(), windows.toLowerCase()];
  return foldersOfWindows.some((name) => `${lower}\\`.startsWith(`${root}\\${name}\\`));
}

/** Whether a path names the program that many services share. */
export function isSvchost(path: string): boolean {
  return /\\svchost(?:\.exe)?$/i.test(path);
}

/** Whether a name in it may be the short form of another. */
export function hasShortName(path: string): boolean {
  return /~\d/.test(path);
}
