/** A client that finds all instances of the pipe busy tries again after this long; commands take milliseconds. */
export const pipeRetryMs = 50;
