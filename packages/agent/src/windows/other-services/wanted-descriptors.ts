/** What a guarded service and all keys of its tree are to have, in SDDL. */
export interface WantedDescriptors {
  readonly service: string;
  readonly key: string;
}

/**
 * As our own service has them, see `wantedGuard`, and beside that everybody who may usually ask after a service still
 * may: other programs wait for these services, and a service may read its settings under whatever account it runs.
 *
 * Only our service can set them back. SYSTEM keeps full access until this process's token holds our service's SID.
 */
export function wantedDescriptors(ours: string, holdsServiceSid: boolean): WantedDescriptors {
  const system = holdsServiceSid ? "CCLCSWRPLOCRRC" : "0xF01FF";
  return {
    service:
      `O:SYD:P(A;;0xF01FF;;;${ours})(A;;${system};;;SY)(A;;CCLCSWRPLOCRRC;;;BA)` +
      "(A;;CCLCSWLOCRRC;;;IU)(A;;CCLCSWLOCRRC;;;SU)(A;;RC;;;OW)",
    key: "D:P(A;CI;KA;;;SY)(A;CI;KR;;;BA)(A;CI;KR;;;SU)(A;CI;RC;;;OW)",
  };
}
