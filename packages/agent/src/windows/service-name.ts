/** The key name of our service, and so part of its registry key, its SID and its command lines. */
export const serviceName = "PosternAgent";

/** Where the service takes commands. */
export const pipeName = "\\\\.\\pipe\\postern-agent";
