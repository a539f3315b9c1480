import { readdirSync } from "node:fs";
import { descriptorDrift, inheritsAll, isClosed, ownerOf, sameAccess } from "./descriptor-text.ts";
import { INVALID_HANDLE, kernel32 } from "./kernel32.ts";
import type { Layer } from "./layered-guard.ts";
import { type Handle, windowsErrorOf } from "./native.ts";
import { withOwnership } from "./ownership.ts";
import { descriptorAsWritten, descriptorOfObject, securedObjects, setFileSecurity } from "./security.ts";
import type { FolderRule } from "./wanted-guard.ts";

const rights = { readControl: 0x20000, listFolder: 0x1 } as const;
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
    changedInLift: () => driftIn(rulesOf(true)) && changeIn(rulesOf(false)),
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
    return rulesOf(false).find((rule) => rule.path === path)?.descriptor;
  }
}

function setRule({ path, descriptor }: FolderRule, ordinary: string | undefined): void {
  setDescriptor(path, descriptor);
  if (ruleDrift({ path, descriptor }) !== undefined) {
    // A file system that makes something else of it, as Wine does with the host's, may have shut us out ourselves.
    if (ordinary !== undefined) setDescriptor(path, ordinary);
    throw new Error("the file system does not keep descriptors");
  }
  setInside(path, asInherited(descriptor));
}

/** Where the parent gives something, nobody can say what: then only that it is the parent's. */
function ruleDrift({ path, descriptor }: Pick<FolderRule, "path" | "descriptor">): string | undefined {
  const actual = descriptorOf(path);
  if (isClosed(descriptor)) return descriptorDrift(actual, descriptorAsWritten(descriptor));
  return inheritsAll(actual) ? undefined : "descriptor";
}

/** Each before what is in it: somebody may have shut us out. */
function setInside(folder: string, descriptor: string): void {
  for (const { path, isFolder } of entriesOf(folder)) {
    setDescriptor(path, descriptor);
    if (isFolder) setInside(path, descriptor);
  }
}

function setDescriptor(path: string, descriptor: string): void {
  const open = (wanted: number, use: (file: Handle) => void): void => withFile(path, wanted, use);
  withOwnership(securedObjects.file, descriptor, open, (file) => setFileSecurity(file, descriptor));
}

function driftIn(rules: readonly FolderRule[]): string | undefined {
  for (const { path, descriptor } of rules) {
    const wanted = descriptorAsWritten(descriptor);
    const found = descriptorDrift(descriptorOf(path), wanted);
    if (found !== undefined) return `${found} of ${path}`;
    const inside = firstInside(path, (actual) => driftInside(actual, wanted));
    if (inside !== undefined) return inside;
  }
  return undefined;
}

/** The same with protection off: what is inside has what the folder gives it, whatever that is. */
function changeIn(rules: readonly FolderRule[]): string | undefined {
  for (const rule of rules) {
    const found = ruleDrift(rule);
    if (found !== undefined) return `${found} of ${rule.path}`;
    const inside = firstInside(rule.path, (actual) => (inheritsAll(actual) ? undefined : "descriptor"));
    if (inside !== undefined) return inside;
  }
  return undefined;
}

/** What a service makes belongs to Administrators, who may then no more than read: that is no change. */
const ordinaryOwner = "BA";

function driftInside(actual: string, wanted: string): string | undefined {
  if (!sameAccess(actual, wanted)) return "descriptor";
  const owner = ownerOf(actual);
  return owner === ownerOf(wanted) || owner === ordinaryOwner ? undefined : "owner";
}

/** Which file or folder in a folder is the first that has something, and what. */
function firstInside(folder: string, driftOf: (descriptor: string) => string | undefined): string | undefined {
  for (const { path, isFolder } of entriesOf(folder)) {
    const found = driftOf(descriptorOf(path));
    if (found !== undefined) return `${found} of ${path.slice(folder.length + 1)}`;
    const inside = isFolder ? firstInside(path, driftOf) : undefined;
    if (inside !== undefined) return inside;
  }
  return undefined;
}

/** The same entries as one of those in the folder has them: from the folder, and Windows computes them anew. */
export function asInherited(descriptor: string): string {
  return descriptor.replace(/D:[A-Z]*/, "D:AI").replace(/\(A;[A-Z]*;/g, "(A;ID;");
}

/** Links are what they are, not where they lead. */
function entriesOf(folder: string): { readonly path: string; readonly isFolder: boolean }[] {
  return readdirSync(folder, { withFileTypes: true }).map((entry) => ({
    path: `${folder}\\${entry.name}`,
    isFolder: entry.isDirectory(),
  }));
}

function descriptorOf(path: string): string {
  return withFile(path, rights.readControl, (file) => descriptorOfObject(file, securedObjects.file));
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
