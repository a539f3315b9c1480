import { createHash } from "node:crypto";

/** The SDDL of each guard layer that is a security descriptor (MS-DTYP §2.5.1). */
export interface WantedDescriptors {
  readonly service: string;
  readonly serviceKey: string;
  readonly process: string;
}

export interface DescriptorFacts {
  /** The service's own SID, see {@link serviceSid}. */
  readonly serviceSid: string;
  /**
   * Whether this process's token holds that SID: it does from the first start after the service's SID type was set.
   * Until then SYSTEM keeps full access to the service, or the agent itself could not lift its protection.
   */
  readonly holdsServiceSid: boolean;
  /** The process's descriptor as it was when the process started. */
  readonly ordinaryProcess: string;
}

/**
 * What each layer's descriptor is to be, with protection on or off.
 *
 * Nothing here denies: SYSTEM's token holds Administrators, so a deny entry would shut the service manager out. Each
 * armed descriptor gives the owner (OW) no more than reading, because an owner may otherwise rewrite the descriptor, and
 * what SYSTEM makes is owned by Administrators.
 */
export function wantedDescriptors(armed: boolean, facts: DescriptorFacts): WantedDescriptors {
  return armed ? armedDescriptors(facts) : ordinaryDescriptors(facts);
}

function armedDescriptors({ serviceSid: ours, holdsServiceSid }: DescriptorFacts): WantedDescriptors {
  const system = holdsServiceSid ? "CCLCSWRPLOCRRC" : "0xF01FF";
  return {
    // Query, start and interrogate; no stop (WP), pause (DT), change (DC), delete (SD), WRITE_DAC or WRITE_OWNER.
    service: `O:SYD:P(A;;0xF01FF;;;${ours})(A;;${system};;;SY)(A;;CCLCSWRPLOCRRC;;;BA)(A;;RC;;;OW)`,
    // The service manager writes the key as SYSTEM.
    serviceKey: "D:P(A;CI;KA;;;SY)(A;CI;KR;;;BA)(A;CI;RC;;;OW)",
    // READ_CONTROL, SYNCHRONIZE and the two query rights; not terminate, suspend, thread creation or any access to memory.
    process: "D:P(A;;0x1FFFFF;;;SY)(A;;0x121400;;;BA)(A;;RC;;;OW)",
  };
}

/** As Windows makes them for any service: the service manager's default, the inherited key, the process as it started. */
function ordinaryDescriptors({ ordinaryProcess }: DescriptorFacts): WantedDescriptors {
  return {
    service:
      "O:SYD:(A;;CCLCSWRPWPDTLOCRRC;;;SY)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BA)(A;;CCLCSWLOCRRC;;;IU)(A;;CCLCSWLOCRRC;;;SU)",
    // Marked as inherited: Windows drops such entries and computes what the key's parent really gives; these are the same.
    serviceKey: "D:AI(A;CIID;KA;;;SY)(A;CIID;KA;;;BA)(A;CIID;KR;;;BU)",
    process: ordinaryProcess,
  };
}

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
