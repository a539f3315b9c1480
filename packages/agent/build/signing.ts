import { execFileSync } from "node:child_process";
import { renameSync, rmSync } from "node:fs";
import { BuildError } from "./dependencies.ts";

/** Files of the person who signs; keys stay in them. */
export interface SigningIdentity {
  /** PEM: the certificate, then those between it and its root. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  /** An RFC 3161 time-stamping server, so that signatures outlive the certificate. */
  readonly timestampUrl?: string;
}

/**
 * Whom `POSTERN_SIGN_CERT`, `POSTERN_SIGN_KEY` and `POSTERN_SIGN_TIMESTAMP` name; undefined when nobody.
 *
 * @throws {BuildError} one of certificate and key without the other
 */
export function signingIdentity(env: NodeJS.ProcessEnv): SigningIdentity | undefined {
  const certificate = env["POSTERN_SIGN_CERT"] || undefined;
  const key = env["POSTERN_SIGN_KEY"] || undefined;
  const timestampUrl = env["POSTERN_SIGN_TIMESTAMP"] || undefined;
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined)
    throw new BuildError("to sign, give both POSTERN_SIGN_CERT and POSTERN_SIGN_KEY (PEM files)");
  return { certificate, key, ...(timestampUrl === undefined ? {} : { timestampUrl }) };
}

/**
 * Signs an executable or a package in place (Authenticode, SHA-256).
 *
 * @throws {BuildError}
 */
export function sign(file: string, { certificate, key, timestampUrl }: SigningIdentity): void {
  const signed = `${file}.signed`;
  const timestamp = timestampUrl === undefined ? [] : ["-ts", timestampUrl];
  const who = ["-certs", certificate, "-key", key, "-h", "sha256", "-n", "Postern Agent", ...timestamp];
  try {
    rmSync(signed, { force: true });
    execFileSync("osslsigncode", ["sign", ...who, "-in", file, "-out", signed], { stdio: "pipe" });
    renameSync(signed, file);
  } catch (error) {
    rmSync(signed, { force: true });
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: Buffer };
    throw new BuildError(
      code === "ENOENT"
        ? "osslsigncode is missing: apt-get install osslsigncode"
        : `${file} could not be signed: ${stderr?.toString() ?? String(error)}`,
    );
  }
}
