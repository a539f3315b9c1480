import { createHash } from "node:crypto";

const magic = "postern-record-1";
const heading = /^postern-record-1 (\d{1,9}) ([0-9a-f]{64})\n/;
const headingBytes = 100;

/** A value as bytes that say where they end and whether they are whole. What follows them does not matter. */
export function encodeRecord(value: unknown): Uint8Array {
  const body = Buffer.from(JSON.stringify(value), "utf8");
  return Buffer.concat([Buffer.from(`${magic} ${body.length} ${digest(body)}\n`, "ascii"), body]);
}

/** The value, or undefined when it was cut, overwritten in part, or is something else. */
export function decodeRecord(bytes: Uint8Array): unknown {
  const start = Buffer.from(bytes.subarray(0, headingBytes)).toString("latin1");
  const [matched, length, expected] = heading.exec(start) ?? [];
  if (matched === undefined) return undefined;
  const body = Buffer.from(bytes.subarray(matched.length, matched.length + Number(length)));
  if (body.length !== Number(length) || digest(body) !== expected) return undefined;
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

function digest(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}
