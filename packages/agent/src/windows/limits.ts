/** A client that finds all instances of the pipe busy tries again after this long; commands take milliseconds. */
export const pipeRetryMs = 50;

/** Events that wait for the Event Log while it does not answer; more of them say nothing new. */
export const eventsWaiting = 50;
