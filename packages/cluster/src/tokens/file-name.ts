import type { UnixSeconds } from "@postern/token";

/** Longest name within a file name: the whole stays far under what any file system takes. */
const maxNameChars = 64;

/** Whom a downloaded token is for, as a person recognises it. */
export type TokenSubject =
  | { readonly kind: "cluster" }
  | { readonly kind: "tenant"; readonly tenantName: string }
  | { readonly kind: "agent"; readonly hostName: string };

/**
 * The name of a downloaded token's file: `agent-token-<cluster|tenant-NAME|agent-HOST>-<expiry as YYYYMMDDTHHMMZ>.txt`.
 *
 * Names are reduced to letters and digits of ASCII, dot, hyphen and underscore: a host name comes from the workload,
 * and must neither leave the folder nor end the header that carries it (RFC 6266 §4.3).
 */
export function tokenFileName(subject: TokenSubject, expiresAt: UnixSeconds): string {
  const expiry = new Date(expiresAt * 1000).toISOString().slice(0, 16).replaceAll(/[-:]/g, "");
  return `agent-token-${whomFor(subject)}-${expiry}Z.txt`;
}

function whomFor(subject: TokenSubject): string {
  switch (subject.kind) {
    case "cluster":
      return "cluster";
    case "tenant":
      return `tenant-${sanitised(subject.tenantName)}`;
    case "agent":
      return `agent-${sanitised(subject.hostName)}`;
  }
}

function sanitised(name: string): string {
  const plain = name
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replaceAll(/\.{2,}/g, ".")
    .slice(0, maxNameChars)
    .replaceAll(/^[-.]+|[-.]+$/g, "");
  return plain === "" ? "unnamed" : plain;
}
