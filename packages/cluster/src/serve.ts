import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createSecureContext } from "node:tls";
import { createApp } from "./app.ts";
import { createCheckpoints } from "./audit/checkpoints.ts";
import { startAuditKeeper } from "./audit/keeper.ts";
import type { CheckInTiming } from "./check-in/timing.ts";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";
import { type Foundation, type FoundationOptions, openFoundation } from "./foundation.ts";
import { isLoopback } from "./http/plain-http.ts";
import type { ServerOptions } from "./http/server.ts";
import { type Initialised, initialise } from "./init.ts";
import { addMissingAuditKey } from "./keys/audit-key.ts";
import { type ClusterKeys, loadClusterKeys } from "./keys/cluster-keys.ts";
import { enterOfflineTokens } from "./tokens/enter-offline.ts";

export interface RunningCluster {
  /** The address that people and agents use. */
  readonly url: string;
  /** Set when this start made the cluster. */
  readonly initialised: Initialised | null;
  /** Ends held requests, answers the others, stores what was given, lets go of the data directory. */
  close(): Promise<void>;
}

export interface StartOptions extends FoundationOptions {
  readonly log: ServerOptions["log"];
  readonly version: string;
  /** Where the built console lies; undefined: there is none. */
  readonly consoleDirectory?: string | undefined;
  readonly timing?: CheckInTiming | undefined;
  readonly watchEveryMs?: number | undefined;
  readonly cleanUpEveryMs?: number | undefined;
}

/**
 * Starts a node: opens the data directory, makes the cluster if there is none, listens.
 *
 * @throws {ConfigError, DataDirectoryInUse, SchemaMismatch, KeyStoreError} with nothing left open
 */
export async function startCluster(options: StartOptions): Promise<RunningCluster> {
  const { config, log, version, consoleDirectory, timing, watchEveryMs, cleanUpEveryMs } = options;
  const tls = readTls(config);
  const foundation = await openFoundation(options);
  try {
    const initialised = await initialise(foundation);
    await addMissingAuditKey({ ...foundation, now: foundation.clock.now() });
    const keys = await loadClusterKeys(foundation.store.reads, foundation.keyStore);
    if (keys === null) throw new Error("The data directory has no cluster.");
    await enterOfflineTokens({ ...foundation, clusterId: keys.clusterId });
    const ownOrigins = new Set<string>();
    const app = await createApp({
      foundation,
      keys,
      ownOrigins,
      tls,
      log,
      version,
      consoleDirectory,
      timing,
      watchEveryMs,
      cleanUpEveryMs,
    });
    try {
      await app.listen({ host: config.listen.host, port: config.listen.port });
    } catch (error) {
      await app.close();
      throw toListenError(config, error);
    }
    const { port } = app.server.address() as AddressInfo;
    const url = config.publicUrl ?? originOf(config, config.listen.host, port);
    for (const origin of originsOf(config, port)) ownOrigins.add(origin);
    const keeper = startKeeping(foundation, keys, (err, message) => app.log.error({ err }, message));
    return {
      url,
      initialised,
      async close() {
        await app.close();
        await keeper.stop();
        await foundation.store.close();
      },
    };
  } catch (error) {
    await foundation.store.close();
    throw error;
  }
}

function startKeeping(foundation: Foundation, keys: ClusterKeys, warn: (error: unknown, message: string) => void) {
  const { config, clock, newId, store, audit } = foundation;
  const { clusterId } = keys;
  let latest = keys;
  const checkpoints = createCheckpoints({
    store,
    clock,
    clusterId,
    async signers() {
      latest = (await loadClusterKeys(store.reads, foundation.keyStore)) ?? latest; // rotated on any node
      return { active: latest.auditSigner, of: latest.auditSignerOf };
    },
  });
  const auditKeys = {
    clusterId,
    get auditKeys() {
      return latest.auditKeys;
    },
  };
  const { auditRetentionDays: retentionDays } = config;
  return startAuditKeeper({ store, audit, clock, keys: auditKeys, checkpoints, nodeId: newId(), retentionDays, warn });
}

function originOf(config: Config, host: string, port: number): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return new URL(`${config.tls === null ? "http" : "https"}://${name}:${port}`).origin;
}

/** A loopback address has several names, and each is as much ours. */
function originsOf(config: Config, port: number): string[] {
  if (config.publicUrl !== null) return [config.publicUrl];
  const hosts = isLoopback(config.listen.host)
    ? ["127.0.0.1", "localhost", "::1", config.listen.host]
    : [config.listen.host];
  return hosts.map((host) => originOf(config, host, port));
}

function readTls(config: Config): ServerOptions["tls"] {
  if (config.tls === null) return undefined;
  const pair = {
    cert: readPem("POSTERN_TLS_CERT", config.tls.certFile),
    key: readPem("POSTERN_TLS_KEY", config.tls.keyFile),
  };
  try {
    createSecureContext(pair);
  } catch (error) {
    throw new ConfigError(
      "POSTERN_TLS_CERT and POSTERN_TLS_KEY do not fit together. Give a certificate and its own key.",
      {
        cause: error,
      },
    );
  }
  return pair;
}

function readPem(setting: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`${setting} names ${path}, which cannot be read. Check the path and who may read it.`, {
      cause: error,
    });
  }
  if (!text.includes("-----BEGIN ")) throw new ConfigError(`${setting} names ${path}, which is no PEM file.`);
  return text;
}

function toListenError({ listen }: Config, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const at = `${listen.host}:${listen.port}`;
  if (code === "EADDRINUSE") {
    return new ConfigError(`Something else listens on ${at} already. Stop it, or choose another port with --listen.`);
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return new ConfigError(`This machine has no address ${listen.host}. Choose one of its own with --listen.`);
  }
  if (code === "EACCES")
    return new ConfigError(`Listening on ${at} is not allowed. Choose a port above 1023 with --listen.`);
  return error;
}
