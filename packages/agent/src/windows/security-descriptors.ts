import { createHash } from "node:crypto";

/**
 * Who may talk to the service: SYSTEM, and administrators with everything but FILE_CREATE_PIPE_INSTANCE (0x4), which
 * generic write holds and which would let them serve our clients themselves.
 */
export const pipeDescriptor = "D:P(A;;GA;;;SY)(A;;0x12019B;;;BA)";

/**
 * The SID `NT SERVICE\name`: S-1-5-80 and the SHA-1 of the upper-case name in UTF-16LE as five little-endian
 * sub-authorities (MS-DTYP §2.4.2.4, SERVICE_SID).
 */
export function serviceSid(name: string): string {
  const digest = createHash("sha1").update(Buffer.from(name.toUpperCase(), "utf16le")).digest();
  return `S-1-5-80-${[0, 4, 8, 12, 16].map((at) => digest.readUInt32LE(at)).join("-")}`;
}
