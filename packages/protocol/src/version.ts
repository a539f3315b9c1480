/** Every request of an agent names the protocol it speaks. */
export const protocolHeader = "postern-protocol";

/** The protocol of this version. The cluster serves it and the one before; anything else is 426. */
export const protocolVersion = 1;
