import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, statfsSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import type { Config } from "./config/config.ts";
import type { RandomBytes } from "./db/ids.ts";
import { type Finding, ok, problem, reasonOf, warning } from "./doctor-check.ts";
import { readPkcs11, readSecretFile } from "./foundation.ts";
import { hasKeyStore, type KeyStore } from "./keys/key-store.ts";
import { openKeys as openKeysAt } from "./keys/open-keys.ts";

const mebibyte = 1024 * 1024;
const day = 24 * 60 * 60_000;

export const machineLimits = {
  /** Below this a database soon cannot be written. */
  diskProblemBytes: 200 * mebibyte,
  diskWarningBytes: 1024 * mebibyte,
  /** Time to get a new certificate without haste. */
  certificateWarningMs: 21 * day,
} as const;

/** Who may read the data directory and what is in it. */
export function checkDataDirectory({ dataDirectory }: Config, ownUser: number | null): Finding[] {
  const name = "data directory";
  if (!existsSync(dataDirectory)) {
    return [problem(name, `${dataDirectory} is not there.`, "Name the cluster's data directory with --data.")];
  }
  const open: string[] = [];
  const foreign: string[] = [];
  for (const path of pathsIn(dataDirectory)) {
    const { mode, uid } = lstatSync(path);
    // Windows has no such modes. What lies in a folder that nobody else may enter needs none, but keys are copied around.
    const mustBeClosed = path === dataDirectory || path.startsWith(join(dataDirectory, "keys"));
    if (ownUser !== null && mustBeClosed && (mode & 0o077) !== 0) open.push(path);
    if (ownUser !== null && uid !== ownUser) foreign.push(path);
  }
  const findings: Finding[] = [];
  if (open.length > 0) {
    findings.push(
      problem(
        name,
        `Other users of this machine may reach into ${some(open)}.`,
        `Take that from them: chmod -R go= ${dataDirectory}`,
      ),
    );
  }
  if (foreign.length > 0) {
    findings.push(
      problem(
        name,
        `${some(foreign)} belongs to another user than the one who asks.`,
        "Run postern doctor as the user that the cluster runs as; if it is that one, give it the files with chown -R.",
      ),
    );
  }
  return findings.length > 0 ? findings : [ok(name, `${dataDirectory} is open to its owner only.`)];
}

function pathsIn(directory: string): string[] {
  const inner = readdirSync(directory, { withFileTypes: true, recursive: true });
  return [directory, ...inner.map((entry) => join(entry.parentPath, entry.name))];
}

function some([first = "", ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

/** Whether the key store opens; it is never made here. */
export async function openKeys(
  { dataDirectory, keyPassphraseFile, pkcs11 }: Config,
  randomBytes: RandomBytes,
): Promise<{ readonly keyStore: KeyStore | null; readonly finding: Finding }> {
  const name = "key store";
  const directory = join(dataDirectory, "keys");
  if (!hasKeyStore(directory)) {
    const next = "Put the folder back from a backup, copy it from another node, or make a cluster with postern init.";
    return { keyStore: null, finding: problem(name, `There are no keys in ${directory}.`, next) };
  }
  try {
    const passphrase =
      keyPassphraseFile === null ? null : readSecretFile("POSTERN_KEY_PASSPHRASE_FILE", keyPassphraseFile);
    const module = readPkcs11(pkcs11);
    const keyStore = await openKeysAt({ directory, passphrase, randomBytes, pkcs11: module });
    const how = passphrase === null ? "its key file" : "its passphrase";
    return { keyStore, finding: ok(name, `${directory} opens with ${how}.`) };
  } catch (error) {
    const next = "Nothing can be signed until it opens. docs/keys.md says how keys are put back.";
    return { keyStore: null, finding: problem(name, reasonOf(error), next) };
  }
}

/** The second root is worth something only where nobody finds it together with the first. */
export function checkSecondRoot({ dataDirectory }: Config): Finding {
  const name = "second root key";
  const file = join(dataDirectory, "second-root-key.json");
  return existsSync(file)
    ? warning(name, `${file} is still here.`, "Carry it to a safe place offline, and delete it here.")
    : ok(name, "It is not on this machine.");
}

/** From where the cluster is reached, and how that is protected. */
export function checkListening({ listen, tls, publicUrl, trustedProxies }: Config): Finding {
  const at = `${listen.host}:${listen.port}`;
  const as = publicUrl === null ? "" : `, known as ${publicUrl}`;
  if (tls !== null) return ok("address", `It listens on ${at} with TLS${as}.`);
  if (trustedProxies.length > 0) {
    return ok("address", `It listens on ${at} for the proxy ${trustedProxies.join(", ")}, which ends TLS${as}.`);
  }
  return ok("address", `It listens on ${at}, for this machine only, without TLS${as}.`);
}

/** Whether the certificate is good for the cluster's address, and how long. */
export function checkCertificate({ tls, publicUrl }: Config, now: number): Finding[] {
  if (tls === null) return [];
  const name = "TLS certificate";
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(tls.certFile));
    if (!certificate.checkPrivateKey(createPrivateKey(readFileSync(tls.keyFile)))) {
      return [
        problem(name, `${tls.keyFile} is not the key of ${tls.certFile}.`, "Give the two files that belong together."),
      ];
    }
  } catch (error) {
    return [problem(name, `${tls.certFile} or its key cannot be read (${reasonOf(error)}).`, "Check both paths.")];
  }
  const findings: Finding[] = [];
  const renew = "Get a new one, put both files in place, and restart the cluster.";
  const ends = certificate.validToDate.getTime();
  const date = certificate.validToDate.toISOString().slice(0, 10);
  if (now >= ends) findings.push(problem(name, `It ended on ${date}.`, renew));
  else if (now >= ends - machineLimits.certificateWarningMs) findings.push(warning(name, `It ends on ${date}.`, renew));
  if (now < certificate.validFromDate.getTime()) {
    findings.push(problem(name, "It is not valid yet.", "Check this machine's clock, and the certificate."));
  }
  const host = publicUrl === null ? null : new URL(publicUrl).hostname.replaceAll(/[[\]]/g, "");
  if (host !== null && !isFor(certificate, host)) {
    const next = `Get one for ${host}, or set POSTERN_PUBLIC_URL to a name that it has.`;
    findings.push(problem(name, `It is not for ${host}, by which people and agents come.`, next));
  }
  return findings.length > 0 ? findings : [ok(name, `It is good until ${date}.`)];
}

function isFor(certificate: X509Certificate, host: string): boolean {
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}

/** Whether there is room to write. */
export function checkDisk({ dataDirectory }: Config): Finding[] {
  if (!existsSync(dataDirectory)) return [];
  const name = "disk";
  const { bavail, bsize } = statfsSync(dataDirectory);
  const free = bavail * bsize;
  const left = `${Math.floor(free / mebibyte)} MiB are left where ${dataDirectory} lies.`;
  const next = "Make room: when the disk is full, nothing can be changed and no token generated.";
  if (free < machineLimits.diskProblemBytes) return [problem(name, left, next)];
  if (free < machineLimits.diskWarningBytes) return [warning(name, left, next)];
  return [ok(name, "There is room.")];
}
