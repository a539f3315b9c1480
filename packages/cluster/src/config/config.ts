import type { PostgresAddress } from "../db/postgres/address.ts";
import { isLoopback } from "../http/plain-http.ts";
import { ConfigError } from "./config-error.ts";
import { parseDatabaseUrl } from "./database-url.ts";
import { type OidcConfig, oidcOf } from "./oidc.ts";
import { parseCount, parseDays, parseListen, parseNetworks, parsePublicUrl } from "./parse.ts";
import { type Pkcs11Config, pkcs11Of } from "./pkcs11.ts";
import { readSettings, type SettingsSources } from "./settings.ts";

export type Deployment = "on-prem" | "saas";

/** How a cluster's node runs. Times of its life are fixed here; nothing below reads the environment. */
export interface Config {
  readonly dataDirectory: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Paths of PEM files. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  /** The origin that people and agents use; null: where the node listens. */
  readonly publicUrl: string | null;
  readonly deployment: Deployment;
  readonly trustedProxies: readonly string[];
  readonly adminPasswordFile: string | null;
  /** Holds the passphrase of the key store; null: a key file in the data directory opens it. */
  readonly keyPassphraseFile: string | null;
  /** Where root and token keys are kept; null: in the data directory, as the others. */
  readonly pkcs11: Pkcs11Config | null;
  readonly logLevel: string;
  /** How long entries of the audit log are kept; null: for ever. */
  readonly auditRetentionDays: number | null;
  /** Agent tokens that this node gives one user in a minute; null: as many as usual. */
  readonly tokensPerMinute: number | null;
  /** PostgreSQL, and where the node listens for the other nodes' signals; null: a file in the data directory. */
  readonly database: { readonly address: PostgresAddress; readonly listenAddress: PostgresAddress } | null;
  /** Null: people log in by passwords only. */
  readonly oidc: OidcConfig | null;
}

/**
 * The configuration: flags win over the environment, the environment over the file of `--config`, the file over the
 * defaults.
 *
 * @throws {ConfigError} naming the setting, what is wrong with it and what to do
 */
export function loadConfig(sources: SettingsSources): Config {
  const settings = readSettings(sources);
  const { value } = settings;
  const publicUrl = parsePublicUrl(settings, value("publicUrl"));
  const config: Config = {
    dataDirectory: value("data") ?? "data",
    listen: parseListen(settings, value("listen") ?? "127.0.0.1:7480"),
    tls: tlsOf(settings),
    publicUrl,
    deployment: settings.oneOf("deployment", ["on-prem", "saas"]) ?? "on-prem",
    trustedProxies: parseNetworks(settings, value("trustedProxies")),
    adminPasswordFile: value("adminPasswordFile"),
    keyPassphraseFile: value("keyPassphraseFile"),
    pkcs11: pkcs11Of(settings),
    logLevel: settings.oneOf("logLevel", ["trace", "debug", "info", "warn", "error", "silent"]) ?? "warn",
    auditRetentionDays: parseDays(settings, "auditRetentionDays"),
    tokensPerMinute: parseCount(settings, "tokensPerMinute"),
    database: databaseOf(settings),
    oidc: oidcOf(settings, publicUrl),
  };
  refusePlainHttpOnNetworks(config);
  if (config.publicUrl === null && ["0.0.0.0", "::"].includes(config.listen.host)) {
    throw new ConfigError(
      `Listening on ${config.listen.host} leaves open by which address people and agents come. ` +
        "Give it in POSTERN_PUBLIC_URL, like https://postern.example.com.",
    );
  }
  return config;
}

/** True when browsers reach the cluster by HTTPS: then cookies are Secure. */
export function isReachedByTls(config: Pick<Config, "publicUrl" | "tls">): boolean {
  return config.publicUrl === null ? config.tls !== null : config.publicUrl.startsWith("https:");
}

function databaseOf(settings: ReturnType<typeof readSettings>): Config["database"] {
  const address = parseDatabaseUrl(settings, "database");
  const listenAddress = parseDatabaseUrl(settings, "databaseListen");
  if (address === null) {
    if (listenAddress === null) return null;
    throw settings.error("databaseListen", "is given without a database", "Give DATABASE_URL too, or neither.");
  }
  return { address, listenAddress: listenAddress ?? address };
}

function tlsOf(settings: ReturnType<typeof readSettings>): Config["tls"] {
  const certFile = settings.value("tlsCert");
  const keyFile = settings.value("tlsKey");
  if (certFile === null && keyFile === null) return null;
  if (certFile === null)
    throw settings.error("tlsCert", "is missing, and the key alone is not enough", "Give both or none.");
  if (keyFile === null)
    throw settings.error("tlsKey", "is missing, and the certificate alone is not enough", "Give both or none.");
  return { certFile, keyFile };
}

function refusePlainHttpOnNetworks({ listen, tls, publicUrl, trustedProxies }: Config): void {
  if (tls !== null) return;
  if (!isLoopback(listen.host) && trustedProxies.length === 0) {
    throw new ConfigError(
      `Listening on ${listen.host} without TLS would send passwords and tokens in the clear. ` +
        "Give POSTERN_TLS_CERT and POSTERN_TLS_KEY, name the proxy before it in POSTERN_TRUSTED_PROXIES, or listen on 127.0.0.1.",
    );
  }
  if (publicUrl?.startsWith("https:") && trustedProxies.length === 0) {
    throw new ConfigError(
      `POSTERN_PUBLIC_URL is ${publicUrl}, and this cluster has no certificate, so a proxy must end TLS before it. ` +
        "Name that proxy in POSTERN_TRUSTED_PROXIES (127.0.0.1 for one on this machine), or give POSTERN_TLS_CERT and POSTERN_TLS_KEY.",
    );
  }
  const url = publicUrl === null ? null : new URL(publicUrl);
  if (url?.protocol === "http:" && !isLoopback(url.hostname.replaceAll(/[[\]]/g, ""))) {
    throw new ConfigError(
      `POSTERN_PUBLIC_URL is ${publicUrl}, which browsers would reach without TLS. Use an https address.`,
    );
  }
}
