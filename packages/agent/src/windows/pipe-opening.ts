/** How the pipe is made and how it is opened (winbase.h). Data, so that it can be read and tested as such. */
const PIPE_ACCESS_DUPLEX = 0x3;
const FILE_FLAG_FIRST_PIPE_INSTANCE = 0x80000;
const FILE_FLAG_OVERLAPPED = 0x40000000;
const PIPE_REJECT_REMOTE_CLIENTS = 0x8;
const SECURITY_SQOS_PRESENT = 0x100000;
const SECURITY_IDENTIFICATION = 0x10000;

/** The service's side: our first instance has to be the pipe's first, and no client comes from another machine. */
export function serverModes(isFirst: boolean): { readonly open: number; readonly pipe: number } {
  return {
    open: PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | (isFirst ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0),
    pipe: PIPE_REJECT_REMOTE_CLIENTS,
  };
}

/**
 * The command line's side. The rights are all that `pipeDescriptor` gives administrators: generic read and write less
 * FILE_CREATE_PIPE_INSTANCE. The server may learn who we are, but not act as us.
 */
export const clientOpening = {
  rights: 0x12019b,
  flags: FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
} as const;
