export const packageLimits = {
  /** A row of a package's file: small enough that storing one holds up no other change of the node for long. */
  partBytes: 256 * 1024,
  /** Who sends nothing for so long is not going to. */
  silentUploadMs: 30_000,
  /** Pieces of an upload that has not ended after so long: the node that took it has died. */
  givenUpAfterMs: 6 * 60 * 60_000,
  /** Files that a node sends at one time, some hundred kilobytes of memory each; who comes then is told to come again. */
  maxDownloads: 64,
  /** Of them to one address: a site behind one address updates, and does not keep others from it. */
  maxDownloadsPerAddress: 16,
  /** Who takes nothing of what is offered for so long gives the place up. */
  stalledDownloadMs: 30_000,
  /** When to come again; agents spread that. */
  retryAfterSeconds: 30,
  /** Names of profiles in a sentence; it says how many more there are. */
  maxNamedProfiles: 10,
} as const;

/** What a look into a package's file may cost, whatever is written in it. */
export const msiLimits = {
  /** A package of ours has some forty streams; one of anybody has some hundreds. */
  maxDirectoryBytes: 1024 * 1024,
  /** The tables that are read: names and short texts. */
  maxStreamBytes: 8 * 1024 * 1024,
  maxStrings: 1_000_000,
  /** The table of sectors of the largest package, in the smallest sectors: 512 MiB by 512 bytes, 128 numbers in each. */
  maxTableSectors: 8_192,
} as const;
