import { maxActivationKeyChars } from "./limits.ts";

/** What an agent presents to enrol; whoever holds it can check the cluster's keys before trusting them. */
export interface ActivationKey {
  readonly id: string;
  /** 32 random bytes, base64url. Never logged; the cluster stores its hash. */
  readonly secret: string;
  /** The root key that vouches for the cluster. */
  readonly rootThumbprint: string;
}

const shape =
  /^postern-ak1\.([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])\.([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])$/;

export function formatActivationKey(key: ActivationKey): string {
  return `postern-ak1.${key.id}.${key.secret}.${key.rootThumbprint}`;
}

/** The parts of an activation key, or undefined; white space around it is forgiven. */
export function parseActivationKey(text: string): ActivationKey | undefined {
  if (text.length > maxActivationKeyChars) return undefined;
  const [, id, secret, rootThumbprint] = shape.exec(text.trim()) ?? [];
  return id && secret && rootThumbprint ? { id, secret, rootThumbprint } : undefined;
}
