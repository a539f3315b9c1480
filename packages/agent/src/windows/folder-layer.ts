import { readdirSync } from "node:fs";
import { sameAccess, sameDacl } from "./descriptor-text.ts";
import { INVALID_HANDLE, kernel32 } from "./kernel32.ts";
import type { Layer } from "./layered-guard.ts";
import { type Handle, windowsErrorOf } from "./native.ts";
import { daclAsWritten, daclOfObject, securedObjects, setFileSecurity } from "./security.ts";
import type { FolderRule } from "./wanted-guard.ts";

const rights = { readControl: 0x20000, writeDacl: 0x40000, listFolder: 0x1 } as const;
const FILE_SHARE_READ = 0x1;
const FILE_SHARE_WRITE = 0x2;
const FILE_SHARE_DELETE = 0x4;
const OPEN_EXISTING = 3;
const FILE_FLAG_BACKUP_SEMANTICS = 0x02000000;
const FILE_FLAG_OPEN_REPARSE_POINT = 0x00200000;

/** The layer of our folders and of all that is in them. */
export function folderLayer(rulesOf: (armed: boolean) => readonly FolderRule[]): Omit<Layer, "name"> {
  const held = new Map<string, Handle>();

  return {
    set(armed) {
      const steps = rulesOf(armed).flatMap((rule) => [
        () => (rule.heldOpen ? hold : letGo)(rule.path),
        () => setRule(rule, ordinaryOf(rule)),
      ]);
      const failures = steps.flatMap((act) => {
        try {
          act();
          return [];
        } catch (error) {
          return [error];
        }
      });
      // One step that fails stops no other.
      if (failures.length > 0) throw failures[0];
    },
    drifted: () => driftIn(rulesOf(true)),
  };

  /** Nobody can rename or delete what is open without the right to share that. */
  function hold(path: string): void {
    if (!held.has(path)) held.set(path, open(path, rights.listFolder, FILE_SHARE_READ | FILE_SHARE_WRITE));
  }

  function letGo(path: string): void {
    const handle = held.get(path);
    if (handle === undefined) return;
    kernel32().CloseHandle(handle);
    held.delete(path);
  }

  function ordinaryOf({ path }: FolderRule): string | undefined {
    return rulesOf(false).find((rule) => rule.path === path)?.dacl;
  }
}

function setRule({ path, dacl }: FolderRule, ordinary: string | undefined): void {
  setDacl(path, dacl);
  if (isClosed(dacl) && !sameDacl(daclOf(path), daclAsWritten(dacl))) {
    // A file system that makes something else of it, as Wine does with the host's, may have shut us out ourselves.
    if (ordinary !== undefined) setDacl(path, ordinary);
    throw new Error("the file system does not keep descriptors");
  }
  for (const inside of insideOf(path)) setDacl(inside, asInherited(dacl));
}

function setDacl(path: string, dacl: string): void {
  withFile(path, rights.readControl | rights.writeDacl, (file) => setFileSecurity(file, dacl));
}

/** Whether it is what is set that can be read again, without what the parent gives. */
function isClosed(dacl: string): boolean {
  return dacl.startsWith("D:P");
}

function driftIn(rules: readonly FolderRule[]): string | undefined {
  for (const { path, dacl } of rules) {
    const wanted = daclAsWritten(dacl);
    if (!sameDacl(daclOf(path), wanted)) return `descriptor of ${path}`;
    const changed = insideOf(path).find((inside) => !sameAccess(daclOf(inside), wanted));
    if (changed !== undefined) return `descriptor of ${changed.slice(path.length + 1)}`;
  }
  return undefined;
}

/** The same entries as one of those in the folder has them: from the folder, and Windows computes them anew. */
export function asInherited(dacl: string): string {
  return dacl.replace(/^D:[A-Z]*/, "D:AI").replace(/\(A;[A-Z]*;/g, "(A;ID;");
}

/** All that is in a folder, at any depth; links are what they are, not where they lead. */
function insideOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}\\${entry.name}`;
    return entry.isDirectory() ? [path, ...insideOf(path)] : [path];
  });
}

function daclOf(path: string): string {
  return withFile(path, rights.readControl, (file) => daclOfObject(file, securedObjects.file));
}

function withFile<T>(path: string, wanted: number, use: (file: Handle) => T): T {
  const file = open(path, wanted, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE);
  try {
    return use(file);
  } finally {
    kernel32().CloseHandle(file);
  }
}

function open(path: string, wanted: number, share: number): Handle {
  const flags = FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT;
  const file = kernel32().CreateFileW(path, wanted, share, null, OPEN_EXISTING, flags, 0);
  if (file === INVALID_HANDLE) throw windowsErrorOf("CreateFileW");
  return file;
}
