import type { Signer } from "@postern/token";
import { mutateBytes } from "./mutate-bytes.ts";
import { mutateJson } from "./mutate-json.ts";
import type { Random } from "./random.ts";

/** By the message's `typ`: whose signature its readers accept. */
export type SignerOf = (typ: string) => Signer;

/**
 * A signed message, spoiled: often in its text, oftener in what it says, signed again with the right key, since else
 * nothing would ever get past the signature. Messages inside it are spoiled the same way.
 */
export async function spoiledMessage(
  samples: readonly [string, ...string[]],
  random: Random,
  signerOf: SignerOf,
): Promise<Uint8Array> {
  const sample = random.pick(samples);
  if (random.oneIn(3)) {
    return mutateBytes(
      Buffer.from(sample, "utf8"),
      random,
      samples.map((other) => Buffer.from(other, "utf8")),
    );
  }
  if (random.oneIn(50)) return random.bytes(random.below(5000));
  const message = await resigned(sample, random, signerOf);
  return random.oneIn(20) ? mutateBytes(Buffer.from(message), random) : Buffer.from(message);
}

async function resigned(sample: string, random: Random, signerOf: SignerOf): Promise<string> {
  const parts = takenApart(sample);
  if (!parts) return sample;
  const signer = signerOf(String(parts.header["typ"]));
  const claims = random.oneIn(2) ? await withInnerSpoiled(parts.claims, random, signerOf) : undefined;
  // A header that is not as it should be ends the reading early: seldom, then.
  const header = random.oneIn(6) ? mutateJson(parts.header, random) : json(parts.header);
  const payload = claims ? json(claims) : random.oneIn(12) ? json(parts.claims) : mutateJson(parts.claims, random);
  const signed = `${encoded(header)}.${encoded(payload)}`;
  return `${signed}.${encoded(await signer.sign(Buffer.from(signed, "utf8")))}`;
}

/** The claims with one message among them spoiled; undefined where there is none. */
async function withInnerSpoiled(
  claims: Record<string, unknown>,
  random: Random,
  signerOf: SignerOf,
): Promise<Record<string, unknown> | undefined> {
  const inner = Object.entries(claims).flatMap(([name, value]) =>
    [value].flat().some((item) => typeof item === "string" && takenApart(item)) ? [name] : [],
  );
  const name = inner[random.below(inner.length)];
  if (name === undefined) return undefined;
  const value = claims[name];
  if (!Array.isArray(value)) return { ...claims, [name]: await resigned(String(value), random, signerOf) };
  const at = random.below(value.length);
  const changed = await Promise.all(
    value.map((item, i) => (i === at ? resigned(String(item), random, signerOf) : item)),
  );
  return { ...claims, [name]: changed };
}

function takenApart(message: string) {
  const [header = "", payload = "", signature, more] = message.split(".");
  if (signature === undefined || more !== undefined) return undefined;
  const [head, claims] = [decoded(header), decoded(payload)];
  return head && claims ? { header: head, claims } : undefined;
}

function decoded(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function encoded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), "utf8");
}
