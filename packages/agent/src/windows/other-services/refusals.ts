import { hasShortName, imagePaths, isOfWindows, isSvchost, type WindowsFolders } from "./image-paths.ts";

/** Why a service is not one of those that can be guarded. */
export type ServiceRefusal =
  | "refused_own_service"
  | "refused_driver"
  | "refused_shared_process"
  | "refused_per_user_service"
  | "refused_protected_process"
  | "refused_windows_image"
  | "refused_unclear_image";

/** What the service manager says of a service's program. */
export interface ServiceProgram {
  /** Bits of its type (winsvc.h). */
  readonly type: number;
  /** Its command line, as it is kept. */
  readonly command: string;
  readonly launchProtected: boolean;
  /** Where those of the command line's {@link imagePaths} that are there really lead: no link, no short name. */
  readonly realPaths: readonly string[];
}

const driverTypes = 0x1 | 0x2 | 0x4 | 0x8;
const ownProcess = 0x10;
const perUserTypes = 0x40 | 0x80;
const interactive = 0x100;

/**
 * Judges whether a service may be guarded, before anything of it is changed. Programs beneath System32 are refused
 * whoever signed them: see `docs/decisions/other-services.md`.
 */
export function refusalOf(
  name: string,
  program: ServiceProgram,
  { ownName, folders }: { readonly ownName: string; readonly folders: WindowsFolders },
): ServiceRefusal | undefined {
  const { type, command, launchProtected, realPaths } = program;
  if (name.toLowerCase() === ownName.toLowerCase()) return "refused_own_service";
  if (type & driverTypes) return "refused_driver";
  if (type & perUserTypes) return "refused_per_user_service";
  if ((type & ~interactive) !== ownProcess) return "refused_shared_process";
  if (launchProtected) return "refused_protected_process";
  const paths = imagePaths(command, folders);
  if (paths === undefined) return "refused_unclear_image";
  const all = [...paths, ...realPaths];
  if (all.some(isSvchost)) return "refused_shared_process";
  if (all.some((path) => isOfWindows(path, folders))) return "refused_windows_image";
  // A short name can stand for any folder, and only a file that is there says for which.
  if (paths.some(hasShortName) && realPaths.length === 0) return "refused_unclear_image";
  return undefined;
}
